import t from 'tap'
import { parseRetryAfter } from '../dist/retry-after.js'

t.test('Retry-After is seconds, or a date, or nothing', async (t) => {
  t.equal(parseRetryAfter('30'), 30_000)
  t.equal(parseRetryAfter(' 30 '), 30_000)
  t.equal(parseRetryAfter(5), 5000)
  const seconds = parseRetryAfter(new Date(Date.now() + 60_500).toUTCString()) / 1000
  t.ok(seconds > 50 && seconds <= 61, String(seconds))
  for (const nonsense of ['soon', '', '-5', undefined, 'Thu, 01 Jan 1970 00:00:00 GMT']) {
    t.equal(parseRetryAfter(nonsense), 0)
  }
})
