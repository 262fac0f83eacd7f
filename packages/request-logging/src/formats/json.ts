/**
 * Members of a JSON object, each joined to all that is written before it: a string so made is the
 * cheapest to make flat. A key comes ready to be written: `,"path":`.
 */

/** Returns a name as the key of a member that is not the first. */
export function keyOf(name: string): string {
  return `,${JSON.stringify(name)}:`
}

/** Adds a text, unless it is `undefined`. */
export function withText(json: string, key: string, text: string | undefined): string {
  return text === undefined ? json : json + key + quoted(text)
}

/** Adds a number, unless it is `undefined`. */
export function withNumber(json: string, key: string, value: number | undefined): string {
  return value === undefined ? json : json + key + numeral(value)
}

// What JSON escapes: quotes, backslashes, controls, and halves of surrogate pairs, or all of them.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const ESCAPED = /["\\\x00-\x1f\ud800-\udfff]/

/** Returns a text as JSON. */
export function quoted(text: string): string {
  return ESCAPED.test(text) ? JSON.stringify(text) : `"${text}"`
}

/** Joins the parts of a text that is written again and again to one piece, which is copied faster. */
export function inOnePiece(...parts: readonly (string | number | null)[]): string {
  return parts.join('')
}

/** Returns a number as JSON: `null` for what is not finite. */
export function numeral(value: number): number | null {
  return Number.isFinite(value) ? value : null
}
