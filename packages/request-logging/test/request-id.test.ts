import fc from 'fast-check'
import t from 'tap'
import { validate, version } from 'uuid'
import { acceptedId, DEFAULT_ID_PATTERN, uuidv7 } from '../dist/request-id.js'

t.test('ids are UUIDs of version 7 that tell their millisecond', async (t) => {
  const property = fc.property(fc.integer({ min: 0, max: 2 ** 48 - 1 }), (now) => {
    const id = uuidv7(now)
    const time = Number.parseInt(id.replace('-', '').slice(0, 12), 16)
    return validate(id) && version(id) === 7 && time === now
  })
  t.doesNotThrow(() => fc.assert(property))
})

t.test('ids sort by time, and no two are the same', async (t) => {
  t.ok(uuidv7(1_795_370_226_544) < uuidv7(1_795_370_226_545))
  const ids = new Set(Array.from({ length: 100_000 }, () => uuidv7(1_795_370_226_544)))
  t.equal(ids.size, 100_000)
})

t.test('an id from outside is taken by pattern and length', async (t) => {
  const taken = (header: unknown): string | undefined => acceptedId(header, DEFAULT_ID_PATTERN)
  t.equal(taken('4bf92f35-77b3.A_~:/+=@'), '4bf92f35-77b3.A_~:/+=@')
  t.equal(taken('a'.repeat(128)), 'a'.repeat(128))
  for (const header of [
    '',
    'a b',
    'a,b',
    'a"',
    '<a>',
    'caf\u00e9',
    'a\n',
    'a'.repeat(129),
    ['a'],
    undefined
  ]) {
    t.equal(taken(header), undefined, String(header))
  }
  t.equal(acceptedId('a\u001b', /./), undefined, 'whatever the pattern lets through')
})
