import { CallTimeoutError } from '@holdfast/circuit-breaker'
import { dropIdleDeadlines } from '@holdfast/core'
import t from 'tap'
import { clocked } from '../support/clocked.ts'

// The timer of a call keeps no process alive, and here nothing else would.
const alive = setInterval(() => {}, 60_000)
t.teardown(() => clearInterval(alive))

t.test('calls with one timeout share one timer, and each is ended in its turn', async (t) => {
  const original = globalThis.setTimeout
  let timers = 0
  t.teardown(() => {
    globalThis.setTimeout = original
  })
  globalThis.setTimeout = Object.assign(
    (...given: Parameters<typeof original>) => {
      timers++
      return original(...given)
    },
    { __promisify__: original.__promisify__ }
  )
  const { breaker } = clocked({ threshold: 1_000_000 })
  for (let call = 0; call < 1000; call++) await breaker.execute(() => 1, { timeout: '31s' })
  t.equal(timers, 1)
  dropIdleDeadlines()
  await breaker.execute(() => 1, { timeout: '31s' })
  t.equal(timers, 2)

  const never = (): Promise<never> => new Promise(() => {})
  const waiting = breaker.execute(never, { timeout: 31_000 })
  dropIdleDeadlines()
  t.equal(timers, 2, 'a timer that somebody waits for goes on')
  await Promise.all(
    Array.from({ length: 100 }, async (_, call) => {
      await new Promise((resolve) => original(resolve, call % 10))
      await t.rejects(breaker.execute(never, { timeout: 20 }), CallTimeoutError)
    })
  )
  t.equal(breaker.snapshot().inFlight, 1)
  waiting.catch(() => {})
})
