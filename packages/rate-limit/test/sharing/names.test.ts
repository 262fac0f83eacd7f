import fc from 'fast-check'
import t from 'tap'
import { clientName, clientNames, limitName } from '../../dist/sharing/names.js'

t.test('names of limits can be read, as far as they are short', async (t) => {
  for (const [text, name] of [
    ['default', 'default'],
    ['GET /orders/:id', 'GET+/orders/:id'],
    ['group a+b', 'group+a%2Bb'],
    ['/{a}@#%', '/%7Ba%7D%40%23%25'],
    ['ä', '%C3%A4'],
    ['', '']
  ] as const) {
    t.equal(limitName(text), name)
  }
})

t.test(
  'no two texts have one name, and no name is long or holds what a store cannot',
  async (t) => {
    const text = fc.oneof(fc.string(), fc.string({ unit: 'binary', maxLength: 80 }))
    const names = new Map<string, string>()
    fc.assert(
      fc.property(text, (text) => {
        const name = limitName(text)
        const known = names.get(name) ?? text
        names.set(name, text)
        return known === text && name.length <= 48 && /^[!-z|~]*$/.test(name)
      }),
      { numRuns: 2000 }
    )
    t.pass()
  }
)

t.test('names of clients are short, and no two alike', async (t) => {
  const long = 'x'.repeat(65)
  const hashed = clientName(long)
  t.match(hashed, /^~[\w-]{22}$/)
  t.not(clientName(`${long}x`), hashed)
  t.equal(clientName('x'.repeat(64)), 'x'.repeat(64))
  t.not(clientName(hashed), hashed, 'nobody is called what another is for short')
  t.strictSame(clientNames(long), hashed)
  t.strictSame(clientNames(['a', long]), ['a', hashed])
})
