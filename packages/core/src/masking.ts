/**
 * The target of a request as it may be written down: bounded, without credentials, and with every
 * byte that does not belong into a URL as `%XX`.
 */
import { shortenedText } from './printable.ts'

/** The text in the place of a value that may be a secret. */
export const REDACTED = 'REDACTED'

const SLASH = 47
const ORIGIN = /^[a-z][a-z\d+.-]*:\/\/[^/?#]*/i
// Of a CONNECT, whose target is an authority.
const CREDENTIALS = /^[^/?#]*@/
const QUERY = /[?#]/
const QUERY_OR_SEMICOLON = /[?#;]/
const NOT_PATH = /[^\x21-\x7e]/
const NOT_PATH_CHARACTERS = /[^\x21-\x7e]/gu
const MAX_PATH_LENGTH = 1024
// Visible ASCII without ? # ; as most targets are.
const PLAIN_PATH = /^\/[!"$-:<->@-~]*$/

/** Whether a request target is a path and nothing else, and can be written as it is. Most can. */
export function isPlainPath(target: string): boolean {
  return target.length <= MAX_PATH_LENGTH && PLAIN_PATH.test(target)
}

/**
 * Returns the path of a request target: without query and fragment, without the scheme, credentials
 * and host of an absolute one, with every byte that does not belong into a URL as `%XX`, and at
 * most 1,024 characters of it.
 *
 * @param semicolons whether a `;` begins the query too (Fastify's `useSemicolonDelimiter`)
 */
export function pathOf(target: string, semicolons: boolean): string {
  let path = target
  if (target.charCodeAt(0) !== SLASH) path = target.replace(ORIGIN, '').replace(CREDENTIALS, '')
  const end = path.search(semicolons ? QUERY_OR_SEMICOLON : QUERY)
  if (end !== -1) path = path.slice(0, end)
  if (path === '') return '/'
  return encoded(shortenedText(path, MAX_PATH_LENGTH))
}

const MAX_PARAMETERS = 32
const MAX_QUERY_LENGTH = 2048
const MAX_VALUE_LENGTH = 256
const PARAMETER_NAME = /^[\w.~[\]-]{1,64}$/

/**
 * Returns the query of a request target; `undefined` when there is none. Values are replaced by
 * `REDACTED`, except those of the parameters in `show`. What is no `name=value`, or has a name that
 * is no plain word, is replaced whole: it may be the secret itself.
 */
export function queryOf(
  target: string,
  semicolons: boolean,
  show: ReadonlySet<string>
): string | undefined {
  const start = target.search(semicolons ? /[?;]/ : /\?/)
  if (start === -1) return undefined
  const fragment = target.indexOf('#')
  if (fragment !== -1 && fragment < start) return undefined
  const query = target.slice(start + 1, fragment === -1 ? undefined : fragment)
  if (query === '') return undefined
  const parameters = query.split('&', MAX_PARAMETERS + 1)
  const shown = parameters.slice(0, MAX_PARAMETERS).map((parameter) => masked(parameter, show))
  if (parameters.length > MAX_PARAMETERS) shown.push('…')
  return shortenedText(shown.join('&'), MAX_QUERY_LENGTH)
}

function masked(parameter: string, show: ReadonlySet<string>): string {
  const equals = parameter.indexOf('=')
  const name = parameter.slice(0, Math.max(equals, 0))
  if (!PARAMETER_NAME.test(name)) return REDACTED
  if (!show.has(name)) return `${name}=${REDACTED}`
  return `${name}=${encoded(shortenedText(parameter.slice(equals + 1), MAX_VALUE_LENGTH))}`
}

/**
 * Returns the parts of a request target that may be secrets, and that no text should repeat: its
 * query, its fragment, and the credentials of a CONNECT's authority, each as it came and decoded.
 *
 * @param semicolons whether a `;` begins the query too
 */
export function secretPartsOf(target: string, semicolons: boolean): string[] {
  const fragment = target.indexOf('#')
  const whole = fragment === -1 ? target : target.slice(0, fragment)
  const query = whole.search(semicolons ? QUERY_OR_SEMICOLON : QUERY)
  const [credentials = ''] = CREDENTIALS.exec(target) ?? []
  const parts = [
    query === -1 ? '' : whole.slice(query),
    fragment === -1 ? '' : target.slice(fragment),
    credentials
  ]
  // One character alone stands in many a text.
  return parts
    .filter((part) => part.length > 1)
    .flatMap((part) => (part.includes('%') ? [part, decoded(part)] : [part]))
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

// Up to the last @ before the path: a password may hold another.
const URL_CREDENTIALS = /:\/\/[^\s/?#]*@/g

/**
 * Takes secrets out of a text: the parts of a request target that it repeats, as errors do, and the
 * credentials of all URLs in it.
 *
 * @param parts what {@link secretPartsOf} returned
 */
export function withoutSecrets(text: string, parts: readonly string[]): string {
  let clean = text
  for (const part of parts) clean = clean.replaceAll(part, '')
  return clean.includes('://') ? clean.replace(URL_CREDENTIALS, '://') : clean
}

function encoded(text: string): string {
  return NOT_PATH.test(text) ? text.replace(NOT_PATH_CHARACTERS, percentEncoded) : text
}

function percentEncoded(character: string): string {
  if (character === '…') return character
  // Node's parser hands bytes over as Latin-1; only an injected request brings anything wider.
  const encoding = character.charCodeAt(0) <= 0xff ? 'latin1' : 'utf8'
  return Buffer.from(character, encoding)
    .toString('hex')
    .replace(/../g, (byte) => `%${byte.toUpperCase()}`)
}
