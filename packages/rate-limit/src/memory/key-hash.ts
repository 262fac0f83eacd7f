/**
 * Keys as 64 bits: HalfSipHash-1-3 (Aumasson and Bernstein's SipHash for 32-bit words) under a secret
 * of this process, and as the upper half what is left of its state. Nobody outside can tell which
 * keys collide, so nobody can aim at another client's account or at one place of the table.
 */
import { randomFillSync } from 'node:crypto'

/** The form a text is hashed in: its own characters, or their halves where one is beyond Latin-1. */
const NARROW = 0
const WIDE = 0xed

/** Hashes keys one at a time; the result stays in `low` and `high` until the next. */
export class KeyHash {
  low = 0
  high = 0
  readonly #key0: number
  readonly #key1: number

  /** @param secret two 32-bit words; random when they are not given */
  constructor(secret: ArrayLike<number> = randomFillSync(new Int32Array(2))) {
    this.#key0 = (secret[0] ?? 0) | 0
    this.#key1 = (secret[1] ?? 0) | 0
  }

  /** Hashes a text of any length. */
  hash(text: string): void {
    this.#hash(text, NARROW)
  }

  #hash(text: string, kind: number): void {
    const { length } = text
    const whole = length & ~3
    let v0 = this.#key0
    let v1 = this.#key1 ^ kind
    let v2 = this.#key0 ^ 0x6c796765
    let v3 = this.#key1 ^ 0x74656462
    let seen = 0
    for (let index = 0; index < whole; index += 4) {
      const a = text.charCodeAt(index)
      const b = text.charCodeAt(index + 1)
      const c = text.charCodeAt(index + 2)
      const d = text.charCodeAt(index + 3)
      seen |= a | b | c | d
      const word = a | (b << 8) | (c << 16) | (d << 24)
      v3 ^= word
      v0 = (v0 + v1) | 0
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
      v0 = (v0 << 16) | (v0 >>> 16)
      v2 = (v2 + v3) | 0
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
      v0 = (v0 + v3) | 0
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
      v2 = (v2 + v1) | 0
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
      v2 = (v2 << 16) | (v2 >>> 16)
      v0 ^= word
    }
    let last = length << 24
    for (let index = whole; index < length; index++) {
      const code = text.charCodeAt(index)
      seen |= code
      last |= code << ((index - whole) * 8)
    }
    if (seen <= 0xff) this.#finish(v0, v1, v2, v3, last)
    else this.#hash(Buffer.from(text, 'utf16le').toString('latin1'), WIDE)
  }

  /** One round for the last word, and three more. */
  #finish(v0: number, v1: number, v2: number, v3: number, last: number): void {
    v3 ^= last
    for (let round = 0; round < 4; round++) {
      v0 = (v0 + v1) | 0
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
      v0 = (v0 << 16) | (v0 >>> 16)
      v2 = (v2 + v3) | 0
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
      v0 = (v0 + v3) | 0
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
      v2 = (v2 + v1) | 0
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
      v2 = (v2 << 16) | (v2 >>> 16)
      if (round === 0) {
        v0 ^= last
        v2 ^= 0xff
      }
    }
    this.low = v1 ^ v3
    this.high = v0 ^ v2
  }
}
