/**
 * Random hexadecimal digits for ids, drawn from the system's generator a block at a time: asking it
 * for a few bytes each time would cost more than the request that wants an id.
 */
import { randomBytes } from 'node:crypto'

const BLOCK = 4096

let digits = ''
let used = 0

/** Returns `count` random lower-case hexadecimal digits; at most 64. */
export function randomHex(count: number): string {
  if (used + count > digits.length) {
    digits = randomBytes(BLOCK).toString('hex')
    used = 0
  }
  const start = used
  used += count
  return digits.slice(start, used)
}
