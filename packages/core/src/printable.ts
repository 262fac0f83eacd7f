/**
 * Text from outside as it may be written down: bounded, and without characters that a terminal or a
 * log reader would act upon.
 */

// C0, DEL and C1; the marks that turn the direction of text; the separators that some readers take
// for the end of a line. JSON escapes only the first of them.
const CONTROL =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
  /[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/

const CONTROLS = new RegExp(CONTROL.source, 'g')
const CONTROLS_IN_LINES = new RegExp(`(?![\\t\\n])${CONTROL.source}`, 'g')

/** Returns at most `limit` characters of the text, each control character replaced by U+FFFD. */
export function printable(text: string, limit: number): string {
  const cut = text.length <= limit ? text : shortenedText(text, limit)
  return CONTROL.test(cut) ? cut.replace(CONTROLS, '\ufffd') : cut
}

/** As {@link printable}, for text of several lines: tab and line feed stay. */
export function printableLines(text: string, limit: number): string {
  const cut = shortenedText(text, limit)
  return CONTROL.test(cut) ? cut.replace(CONTROLS_IN_LINES, '\ufffd') : cut
}

/** Returns at most `limit` characters of the text, the last one an ellipsis where it was longer. */
export function shortenedText(text: string, limit: number): string {
  return text.length <= limit ? text : `${text.slice(0, limit - 1)}…`
}
