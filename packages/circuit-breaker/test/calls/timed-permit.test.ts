/**
 * How long calls take, told only while somebody listens.
 */
import { type BreakerCall, CircuitBreaker } from '@holdfast/circuit-breaker'
import { subscribe } from '@holdfast/core'
import t, { type Test } from 'tap'
import { clocked, fail, RESET } from '../support/clocked.ts'

/** The calls that are told while the test runs, without the breaker. */
function listen(t: Test): Omit<BreakerCall, 'breaker'>[] {
  const calls: Omit<BreakerCall, 'breaker'>[] = []
  t.teardown(
    subscribe('holdfast:circuit-breaker:call', ({ breaker: _, ...call }) => calls.push(call))
  )
  return calls
}

t.test('each call is told once with its outcome and duration, however it was made', async (t) => {
  const { breaker, pass } = clocked({ classify: () => 'excluded' })
  const calls = listen(t)
  const lasting = (milliseconds: number) => () => {
    pass(milliseconds)
    return 'done'
  }
  await breaker.execute(lasting(3))
  await breaker.execute(lasting(4), { timeout: '1s' })
  const permit = breaker.tryAcquire()
  pass(5)
  permit?.answered()
  permit?.failure('down')
  permit?.success()
  t.strictSame(calls, [
    { name: 'test', outcome: 'excluded', duration: 3 },
    { name: 'test', outcome: 'excluded', duration: 4 },
    { name: 'test', outcome: 'failure', duration: 5 }
  ])
  t.match(breaker.snapshot().totals, { excluded: 2, failure: 1 })
})

t.test('a probe and the calls within it are told, and are one to the breaker', async (t) => {
  const { breaker, pass } = clocked({ threshold: 1, halfOpen: { ramp: 0 } })
  fail(breaker, 1)
  pass(RESET)
  const calls = listen(t)
  t.equal(await breaker.execute(() => breaker.execute(() => 'inner')), 'inner')
  const probe = { name: 'test', outcome: 'success', duration: 0 }
  t.strictSame(calls, [probe, probe])
  t.equal(breaker.state, 'closed')
})

t.test('refused calls are none, and a call that began before is not told', async (t) => {
  const { breaker } = clocked({ threshold: 1 })
  const before = breaker.tryAcquire()
  const calls = listen(t)
  before?.failure('down')
  await t.rejects(breaker.execute(() => 1))
  t.strictSame(calls, [])
})

t.test('without a listener a call never reads the clock', async (t) => {
  let readings = 0
  const breaker = new CircuitBreaker({ clock: () => ++readings })
  const before = readings
  await breaker.execute(() => 1)
  t.equal(readings, before)
  const calls = listen(t)
  await breaker.execute(() => 1)
  t.equal(readings, before + 2)
  t.equal(calls.length, 1)
})

t.test('a listener that leaves while a call runs is told nothing', async (t) => {
  const { breaker } = clocked()
  let told = 0
  const unsubscribe = subscribe('holdfast:circuit-breaker:call', () => told++)
  const permit = breaker.tryAcquire()
  unsubscribe()
  permit?.success()
  t.equal(told, 0)
  t.equal(breaker.snapshot().totals.success, 1)
})
