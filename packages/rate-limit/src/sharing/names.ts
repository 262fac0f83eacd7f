/**
 * What limits and clients are called where they are kept: alike in every process, no two alike, and
 * never long.
 */
import { nameDigest, shortenedName } from '@holdfast/core'
import type { PerPolicy } from '../per-policy.ts'

/** Characters in the name of a limit. */
const MAX_LIMIT_NAME = 48
/** Characters in the name of a client that is kept as it is. */
const MAX_CLIENT_NAME = 64

/**
 * Makes a name of printable ASCII without spaces and braces out of any text. What else there is in it
 * is written as in a query string, a space as `+`; of a long name the end is a hash of it all.
 */
export function limitName(text: string): string {
  const plain = text.replace(/[^\x21-\x7e]|[%+#@{}]/gu, escaped)
  if (plain.length <= MAX_LIMIT_NAME) return plain
  return `${plain.slice(0, MAX_LIMIT_NAME - 17)}#${nameDigest(text).slice(0, 16)}`
}

/** The names of clients, which come from outside and may be of any length: short, no two alike. */
export function clientNames(keys: PerPolicy<string>): PerPolicy<string> {
  return typeof keys === 'string' ? clientName(keys) : keys.map(clientName)
}

/** The same of one client. */
export function clientName(key: string): string {
  return shortenedName(key, MAX_CLIENT_NAME)
}

function escaped(character: string): string {
  if (character === ' ') return '+'
  const bytes = [...Buffer.from(character)]
  return bytes.map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('')
}
