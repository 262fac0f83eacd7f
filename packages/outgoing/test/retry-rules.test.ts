/**
 * The rules of retries. Covers `backoff.ts`, too.
 */
import fc from 'fast-check'
import t from 'tap'
import { waitBefore } from '../dist/backoff.js'
import {
  type Circumstances,
  decideRetry,
  type FailedTry,
  isRetryable
} from '../dist/retry-rules.js'

const failed: FailedTry = {
  method: 'GET',
  isKeyed: false,
  isBodyRepeatable: true,
  wasSent: true,
  number: 1,
  retryAfter: 0
}
const calm: Circumstances = {
  mayRetry: true,
  isBreakerOpen: false,
  left: 10_000,
  usual: 20,
  random: 0.5,
  takeRetry: () => true
}

t.test('each reason not to try again has its name', async (t) => {
  t.equal(decideRetry(failed, calm), 25)
  t.equal(decideRetry(failed, { ...calm, mayRetry: false }), 'retried-request')
  t.equal(decideRetry({ ...failed, isBodyRepeatable: false }, calm), 'body')
  t.equal(decideRetry({ ...failed, method: 'POST' }, calm), 'method')
  t.equal(decideRetry({ ...failed, method: 'PATCH' }, calm), 'method')
  t.equal(decideRetry(failed, { ...calm, left: 44 }), 'deadline')
  t.equal(decideRetry({ ...failed, retryAfter: 9_000 }, { ...calm, left: 2_000 }), 'retry-after')
  t.equal(decideRetry(failed, { ...calm, isBreakerOpen: true }), 'breaker')
  t.equal(decideRetry(failed, { ...calm, takeRetry: () => false }), 'budget')
  t.equal(
    decideRetry({ ...failed, retryAfter: 3_600_000 }, { ...calm, left: Infinity }),
    'retry-after'
  )
})

t.test('what was never sent, or has a key, may be any method', async (t) => {
  t.equal(decideRetry({ ...failed, method: 'POST', wasSent: false }, calm), 25)
  t.equal(decideRetry({ ...failed, method: 'POST', isKeyed: true }, calm), 25)
  for (const method of ['HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE', 'QUERY']) {
    t.equal(decideRetry({ ...failed, method }, calm), 25, method)
  }
})

t.test('only answers that say "not now" are asked for again', async (t) => {
  const retryable = Array.from({ length: 600 }, (_, status) => status).filter(isRetryable)
  t.strictSame(retryable, [429, 502, 503, 504])
})

t.test('nothing is taken from the budget by a try that is not made again', async (t) => {
  let taken = 0
  const takeRetry = (): boolean => {
    taken++
    return true
  }
  decideRetry(failed, { ...calm, mayRetry: false, takeRetry })
  decideRetry(failed, { ...calm, left: 1, takeRetry })
  decideRetry(failed, { ...calm, isBreakerOpen: true, takeRetry })
  t.equal(taken, 0)
  decideRetry(failed, { ...calm, takeRetry })
  t.equal(taken, 1)
})

const anyTry = fc.record({
  method: fc.constantFrom('GET', 'POST', 'PUT', 'PATCH', 'DELETE'),
  isKeyed: fc.boolean(),
  isBodyRepeatable: fc.boolean(),
  wasSent: fc.boolean(),
  number: fc.integer({ min: 1, max: 10 }),
  retryAfter: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 120_000 }))
})
const anyCircumstances = fc.record({
  mayRetry: fc.boolean(),
  isBreakerOpen: fc.boolean(),
  left: fc.oneof(fc.integer({ min: 0, max: 100_000 }), fc.constant(Infinity)),
  usual: fc.integer({ min: 0, max: 1000 }),
  random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  hasBudget: fc.boolean()
})

t.test('a retry is in time, allowed, harmless and never too early', async () => {
  fc.assert(
    fc.property(anyTry, anyCircumstances, (attempt, { hasBudget, ...rest }) => {
      const decision = decideRetry(attempt, { ...rest, takeRetry: () => hasBudget })
      if (typeof decision === 'string') return true
      const isHarmless =
        !attempt.wasSent || attempt.isKeyed || !['POST', 'PATCH'].includes(attempt.method)
      const isInTime = decision + rest.usual <= rest.left && decision <= 60_000
      const isAllowed =
        rest.mayRetry && hasBudget && !rest.isBreakerOpen && attempt.isBodyRepeatable
      return isHarmless && isInTime && isAllowed && decision >= attempt.retryAfter
    }),
    { numRuns: 5000 }
  )
})

t.test(
  'waits are random from 0 on, grow to a second, and are never shorter than asked for',
  async (t) => {
    const bounds = [1, 2, 3, 4, 5, 6, 50].map((retry) => waitBefore(retry, 0, 0.999_999))
    t.strictSame(bounds.map(Math.round), [50, 100, 200, 400, 800, 1000, 1000])
    t.equal(waitBefore(3, 0, 0), 0)
    t.equal(waitBefore(1, 1000, 0), 1000)
    t.equal(waitBefore(1, 1000, 0.5), 1250)
    t.equal(waitBefore(1, 30_000, 0.5), 30_500)
  }
)
