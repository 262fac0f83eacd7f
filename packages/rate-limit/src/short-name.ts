/**
 * Names of clients as something to keep: they come from outside, and may be of any length.
 */
import { createHash } from 'node:crypto'
import type { PerPolicy } from './per-policy.ts'

/** Characters up to which a name is kept as it is. */
const LONGEST = 64

/** The same names, or in place of long ones 128 bits of their SHA-256. */
export function shortened(keys: PerPolicy<string>): PerPolicy<string> {
  return typeof keys === 'string' ? shortName(keys) : keys.map(shortName)
}

/** No name that is kept as it is looks like one that is not. */
function shortName(key: string): string {
  if (key.length <= LONGEST && !key.startsWith('~')) return key
  const digest = createHash('sha256').update(key, 'utf16le').digest()
  return `~${digest.subarray(0, 16).toString('base64url')}`
}
