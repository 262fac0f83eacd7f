/**
 * The origin of an upstream. Whatever path a call is given, it goes to that origin or nowhere.
 */
import { describe, InvalidOptionError } from '@holdfast/core/options'
import { ForeignPathError } from './errors.ts'

/**
 * Reads the option `origin`: a URL with scheme, host and port, and nothing else.
 *
 * @throws InvalidOptionError
 */
export function parseOrigin(given: unknown, option: string): URL {
  const url = typeof given === 'string' || given instanceof URL ? parsed(given) : undefined
  if (
    url === undefined ||
    !/^https?:$/.test(url.protocol) ||
    // Also without credentials.
    url.href !== `${url.origin}/`
  ) {
    const expected = "scheme, host and port, as in 'https://payments.example:8443'"
    throw new InvalidOptionError(option, expected, describe(given))
  }
  return url
}

/** What a URL takes for a second slash, or leaves out. */
const NO_PATH = '/\\\t\n\r'

/** Whether one slash is at the beginning, and none of those behind it. */
function isPlainPath(path: string): boolean {
  return path.startsWith('/') && (path.length === 1 || !NO_PATH.includes(path.charAt(1)))
}

/**
 * Returns the URL of a call, as text.
 *
 * @param origin as text, which a URL makes anew each time that it is asked
 * @throws ForeignPathError when it is not one of the origin
 */
export function resolvePath(upstream: string, origin: string, path: string | URL): string {
  // Behind an origin such a path leads nowhere else, and `fetch` is about to read the URL anyway.
  if (typeof path === 'string' && isPlainPath(path)) return origin + path
  // A URL would be made of anything: of `undefined` the path '/undefined'.
  const url = typeof path === 'string' || path instanceof URL ? parsed(path, origin) : undefined
  if (url?.origin !== origin) throw new ForeignPathError(String(path), upstream, origin)
  return url.href
}

/** Whether a request to `origin`, a URL or its text, goes to `own`. */
export function isSameOrigin(origin: unknown, own: string): boolean {
  return origin === own || parsed(String(origin))?.origin === own
}

function parsed(url: string | URL, base?: string): URL | undefined {
  try {
    return new URL(url, base)
  } catch {
    return undefined
  }
}
