import { Readable } from 'node:stream'
import t from 'tap'
import { isRepeatable } from '../dist/repeatable-body.js'

const KIB_64 = 65_536

t.test('known bodies of at most 64 KiB can be sent again', async (t) => {
  const bodies = [
    undefined,
    null,
    'x'.repeat(KIB_64),
    Buffer.alloc(KIB_64),
    new ArrayBuffer(KIB_64),
    new URLSearchParams({ amount: '7' }),
    new Blob(['x'.repeat(KIB_64)])
  ]
  for (const body of bodies) t.ok(isRepeatable(body))
})

t.test('larger ones, streams and forms cannot', async (t) => {
  const bodies = [
    'x'.repeat(KIB_64 + 1),
    'ü'.repeat(KIB_64 / 2 + 1),
    Buffer.alloc(KIB_64 + 1),
    new Blob(['x'.repeat(KIB_64 + 1)]),
    new FormData(),
    new ReadableStream(),
    Readable.from(['x']),
    { toString: () => 'x' }
  ]
  for (const body of bodies) t.notOk(isRepeatable(body))
})
