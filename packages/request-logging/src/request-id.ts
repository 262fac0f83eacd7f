/**
 * Ids of requests: made here, or taken from a caller that is believed.
 */
import { randomFillSync } from 'node:crypto'

let latest = -1
let prefix = ''

/**
 * Makes a UUID of version 7 (RFC 9562). Ids of a later millisecond sort after those of an earlier
 * one; ids of one millisecond differ by 72 random bits.
 *
 * @param now milliseconds since 1970
 */
export function uuidv7(now: number): string {
  if (now !== latest) {
    latest = now
    const time = now.toString(16).padStart(12, '0')
    prefix = `${time.slice(0, 8)}-${time.slice(8)}-7`
  }
  if (used === tails.length) refill()
  const start = used
  used += TAIL.length
  return prefix + tails.slice(start, used)
}

const BLOCK = 256
const TAIL = 'rrr-8rrr-rrrrrrrrrrrr'
const HEX = Buffer.from('0123456789abcdef')

const rendered = Buffer.from(TAIL.repeat(BLOCK))
/** Where in the block a random digit stands. */
const places = Uint16Array.from(rendered.keys()).filter((at) => TAIL[at % TAIL.length] === 'r')
const random = Buffer.alloc(places.length / 2)
let tails = ''
let used = 0

/** Renders the random parts of many ids at once: one by one they would cost more. */
function refill(): void {
  randomFillSync(random)
  for (let digit = 0; digit < places.length; digit += 2) {
    const byte = random[digit / 2] as number
    rendered[places[digit] as number] = HEX[byte >> 4] as number
    rendered[places[digit + 1] as number] = HEX[byte & 15] as number
  }
  tails = rendered.toString('latin1')
  used = 0
}

/** What an id that comes from outside must look like, unless options say otherwise. */
export const DEFAULT_ID_PATTERN: RegExp = /^[\w.~:/+=@-]+$/

const MAX_ID_LENGTH = 128

/** What any id that stands in a header must look like. */
export const VISIBLE: RegExp = /^[\x21-\x7e]+$/

/** Returns the id that a caller sent when it can be used, else `undefined`. */
export function acceptedId(header: unknown, pattern: RegExp): string | undefined {
  if (typeof header !== 'string' || header.length > MAX_ID_LENGTH) return undefined
  // Whatever the pattern lets through: the id may go back out in a header.
  return VISIBLE.test(header) && pattern.test(header) ? header : undefined
}
