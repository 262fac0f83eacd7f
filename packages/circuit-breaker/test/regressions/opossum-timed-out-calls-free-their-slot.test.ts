/**
 * opossum gives the slot of its `capacity` back when a call times out, though the call runs on: of
 * two allowed, twenty ran.
 */
import { CircuitBreaker } from '@holdfast/circuit-breaker'
import t from 'tap'

t.test('of two calls allowed, two run, however many time out', async (t) => {
  const alive = setInterval(() => {}, 60_000)
  t.teardown(() => clearInterval(alive))
  const breaker = new CircuitBreaker({ threshold: 1000 })
  let running = 0
  const hang = (): Promise<never> => {
    running++
    return new Promise(() => {})
  }
  for (let call = 0; call < 20; call++) {
    await breaker.execute(hang, { timeout: 1, maxConcurrent: 2, fallback: () => {} })
  }
  t.equal(running, 2)
})
