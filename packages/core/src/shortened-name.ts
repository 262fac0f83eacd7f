/**
 * Names that come from outside, as something to keep: they may be of any length.
 */
import { createHash } from 'node:crypto'

const MARK = '~'

/**
 * Returns the name itself when it has at most `maxLength` characters, or else 23 characters that
 * stand for it: `~` and its {@link nameDigest}. A name that begins with `~` never stays as it is, so
 * that no two names are kept as one.
 */
export function shortenedName(name: string, maxLength: number): string {
  if (name.length <= maxLength && !name.startsWith(MARK)) return name
  return MARK + nameDigest(name)
}

/**
 * Returns 22 characters for a name: 128 bits of its SHA-256 in base64url. Names that differ in any
 * code unit, in lone surrogates too, have different ones.
 */
export function nameDigest(name: string): string {
  const digest = createHash('sha256').update(name, 'utf16le').digest()
  return digest.subarray(0, 16).toString('base64url')
}
