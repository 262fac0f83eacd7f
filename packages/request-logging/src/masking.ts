/**
 * What a client sent, made fit for a line: no query, no credentials, no control characters.
 */

// C0 but for tab and line feed, DEL and C1. JSON escapes only the first of them, and a terminal
// that shows the line obeys all.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const CONTROL = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/

// biome-ignore lint/suspicious/noControlCharactersInRegex: as above
const CONTROLS = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/g

/** Returns the text with every control character but tab and line feed replaced by U+FFFD. */
export function printable(text: string): string {
  return CONTROL.test(text) ? text.replace(CONTROLS, '\ufffd') : text
}

const NOT_PATH = /[^\x21-\x7e]/
const NOT_PATH_CHARACTERS = /[^\x21-\x7e]/gu

/**
 * Returns the path of a request target: without query and fragment, without the scheme, credentials
 * and host of an absolute one, and with every byte that does not belong into a URL as `%XX`.
 *
 * @param semicolons a `;` begins the query too (Fastify's `useSemicolonDelimiter`)
 */
export function pathOf(target: string, semicolons: boolean): string {
  let path = target
  if (target.charCodeAt(0) !== SLASH) path = target.replace(ORIGIN, '').replace(CREDENTIALS, '')
  const end = path.search(semicolons ? QUERY_OR_SEMICOLON : QUERY)
  if (end !== -1) path = path.slice(0, end)
  if (path === '') return '/'
  return NOT_PATH.test(path) ? path.replace(NOT_PATH_CHARACTERS, percentEncoded) : path
}

const SLASH = 47
const ORIGIN = /^[a-z][a-z\d+.-]*:\/\/[^/?#]*/i
// Of a CONNECT, whose target is an authority.
const CREDENTIALS = /^[^/?#]*@/
const QUERY = /[?#]/
const QUERY_OR_SEMICOLON = /[?#;]/

function percentEncoded(character: string): string {
  // Node's parser hands bytes over as Latin-1; only an injected request brings anything wider.
  const encoding = character.charCodeAt(0) <= 0xff ? 'latin1' : 'utf8'
  return Buffer.from(character, encoding)
    .toString('hex')
    .replace(/../g, (byte) => `%${byte.toUpperCase()}`)
}
