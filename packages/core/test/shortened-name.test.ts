import { nameDigest, shortenedName } from '@holdfast/core'
import * as fc from 'fast-check'
import t from 'tap'

t.test('a short name stays as it is, and a long one becomes 23 characters', async (t) => {
  t.equal(shortenedName('a'.repeat(64), 64), 'a'.repeat(64))
  t.match(shortenedName('a'.repeat(65), 64), /^~[\w-]{22}$/)
  t.equal(shortenedName('', 64), '')
  t.match(shortenedName('~', 64), /^~[\w-]{22}$/, 'a name that looks shortened is shortened')
})

t.test('no two names are kept as one', async (t) => {
  const name = fc.oneof(fc.string({ unit: 'binary', maxLength: 100 }), fc.string({ maxLength: 3 }))
  fc.assert(
    fc.property(name, name, (one, other) => {
      const [kept, keptOther] = [shortenedName(one, 8), shortenedName(other, 8)]
      return (kept === keptOther) === (one === other)
    })
  )
  t.not(nameDigest('\ud800'), nameDigest('\ud801'), 'lone surrogates are told apart')
})
