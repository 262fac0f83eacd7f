/**
 * cockatiel and opossum take a call whose error is filtered out for a success: half-open, it closes
 * the circuit, though nothing was learnt.
 */
import { CircuitBreaker } from '@holdfast/circuit-breaker'
import t from 'tap'

t.test('a probe whose error is excluded does not close the breaker', async (t) => {
  let now = 0
  const breaker = new CircuitBreaker({
    threshold: 1,
    clock: () => now,
    classify: ({ error }) => (error instanceof RangeError ? 'excluded' : undefined)
  })
  await t.rejects(breaker.execute(() => Promise.reject(new Error('down'))))
  now += 10_000
  await t.rejects(breaker.execute(() => Promise.reject(new RangeError('not found'))))
  t.equal(breaker.state, 'half-open')
  await t.rejects(breaker.execute(() => Promise.reject(new Error('down'))))
  t.equal(breaker.state, 'open')
})
