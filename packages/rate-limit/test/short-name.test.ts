import t from 'tap'
import { shortened } from '../dist/short-name.js'

t.test('names of clients are short, and no two alike', async (t) => {
  const long = 'x'.repeat(65)
  const hashed = shortened(long)
  t.match(hashed, /^~[\w-]{22}$/)
  t.not(shortened(`${long}x`), hashed)
  t.equal(shortened('x'.repeat(64)), 'x'.repeat(64))
  t.not(shortened(String(hashed)), hashed, 'nobody is called what another is for short')
  t.strictSame(shortened(['a', long]), ['a', hashed])
})
