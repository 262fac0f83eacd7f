import fc from 'fast-check'
import t from 'tap'
import { KeyHash } from '../../dist/memory/key-hash.js'

function hashOf(secret: number[], text: string): [number, number] {
  const hash = new KeyHash(secret)
  hash.hash(text)
  return [hash.low, hash.high]
}

/** HalfSipHash-1-3 as its authors write it, byte by byte, in numbers that cannot overflow. */
function plain([key0 = 0, key1 = 0]: number[], bytes: Buffer): number {
  const u32 = (value: bigint) => BigInt.asUintN(32, value)
  const rotate = (value: bigint, bits: bigint) => u32((value << bits) | (value >> (32n - bits)))
  const k0 = u32(BigInt(key0))
  const k1 = u32(BigInt(key1))
  let [v0, v1, v2, v3] = [k0, k1, k0 ^ 0x6c796765n, k1 ^ 0x74656462n]
  const round = () => {
    v0 = u32(v0 + v1)
    v1 = rotate(v1, 5n) ^ v0
    v0 = rotate(v0, 16n)
    v2 = u32(v2 + v3)
    v3 = rotate(v3, 8n) ^ v2
    v0 = u32(v0 + v3)
    v3 = rotate(v3, 7n) ^ v0
    v2 = u32(v2 + v1)
    v1 = rotate(v1, 13n) ^ v2
    v2 = rotate(v2, 16n)
  }
  const padded = Buffer.alloc((bytes.length & ~3) + 4)
  bytes.copy(padded)
  padded[padded.length - 1] = bytes.length & 255
  for (let at = 0; at < padded.length; at += 4) {
    const word = BigInt(padded.readUInt32LE(at))
    v3 ^= word
    round()
    v0 ^= word
  }
  v2 ^= 0xffn
  for (let count = 0; count < 3; count++) round()
  return Number(BigInt.asIntN(32, v1 ^ v3))
}

const secrets = fc.tuple(fc.integer(), fc.integer())

t.test('is HalfSipHash-1-3 of the characters', async (t) => {
  fc.assert(
    fc.property(secrets, fc.uint8Array({ maxLength: 300 }), (secret, array) => {
      const bytes = Buffer.from(array)
      return hashOf(secret, bytes.toString('latin1'))[0] === plain(secret, bytes)
    })
  )
  t.pass()
})

t.test('texts of any characters are told apart', async (t) => {
  const secret = [1, 2]
  const seen = new Map<string, string>()
  const texts = fc.oneof(
    fc.string(),
    fc.string({ unit: 'binary' }),
    fc.string({ unit: 'grapheme' })
  )
  fc.assert(
    fc.property(texts, (text) => {
      const hash = hashOf(secret, text).join()
      const other = seen.get(hash)
      seen.set(hash, text)
      return other === undefined || other === text
    }),
    { numRuns: 3000 }
  )
  t.not(hashOf(secret, 'ab').join(), hashOf(secret, '\u6261').join(), 'the same two bytes')
})

t.test('every process has a secret of its own', async (t) => {
  const [one, other] = [new KeyHash(), new KeyHash()]
  one.hash('192.0.2.1')
  other.hash('192.0.2.1')
  t.notSame([one.low, one.high], [other.low, other.high])
  t.strictSame(hashOf([], 'a'), hashOf([0, 0], 'a'))
})
