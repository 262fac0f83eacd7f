/**
 * What limits are called in a store: alike in every process, and no two alike.
 */
import { createHash } from 'node:crypto'

/** The longest name of a limit, and of what is nested. */
const LONGEST = 48

/**
 * Makes a name of printable ASCII without spaces and braces out of any text. What else there is in it
 * is written as in a query string, a space as `+`; of a long name the end is a hash of it all.
 */
export function limitName(text: string): string {
  const plain = text.replace(/[^\x21-\x7e]|[%+#@{}]/gu, written)
  if (plain.length <= LONGEST) return plain
  const digest = createHash('sha256').update(text, 'utf16le').digest('base64url')
  return `${plain.slice(0, LONGEST - 17)}#${digest.slice(0, 16)}`
}

function written(character: string): string {
  if (character === ' ') return '+'
  const bytes = [...Buffer.from(character)]
  return bytes.map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('')
}
