/**
 * When a breaker opens. Covers `circuit/trip-rules.ts`, `circuit/running-calls.ts`,
 * `circuit/cause-counts.ts` and `circuit/steady-clock.ts`.
 */
import { type BreakerTransition, CircuitBreaker } from '@holdfast/circuit-breaker'
import { subscribe } from '@holdfast/core'
import t from 'tap'
import { clocked, fail, RESET, succeed } from '../support/clocked.ts'

t.test(
  'opens at a rate of failures among the calls of a time, not before there are enough',
  async (t) => {
    const { breaker } = clocked({ failureRate: 0.5 })
    fail(breaker, 19)
    t.equal(breaker.state, 'closed', 'nineteen failures in a row are no twenty calls')
    t.match(breaker.snapshot().window, { judged: 19, failures: 19 })
    succeed(breaker, 1)
    t.equal(breaker.state, 'open', 'the twentieth call makes a rate, even if it succeeds')
    t.match(breaker.snapshot().window, { judged: 0, failures: 0 })
  }
)

t.test('eight failures in ten open it, however they are mixed', async (t) => {
  const { breaker } = clocked({ failureRate: 0.8, minimumCalls: 10 })
  for (let call = 0; call < 10; call++) (call % 5 === 0 ? succeed : fail)(breaker, 1)
  t.equal(breaker.state, 'open')
})

t.test('only calls inside the window count, and after an idle gap none', async (t) => {
  const { breaker, pass } = clocked({
    failureRate: 0.5,
    minimumCalls: 5,
    window: { duration: 5000 }
  })
  fail(breaker, 4)
  pass(5 * 60_000)
  t.match(breaker.snapshot().window, { judged: 0, failures: 0 })
  fail(breaker, 1)
  t.equal(breaker.state, 'closed')
  fail(breaker, 4)
  t.equal(breaker.state, 'open')
})

t.test('a window of calls opens at its own size when that is less than twenty', async (t) => {
  const { breaker } = clocked({ failureRate: 1, window: { calls: 4 } })
  succeed(breaker, 1)
  fail(breaker, 3)
  t.equal(breaker.state, 'closed')
  fail(breaker, 1)
  t.equal(breaker.state, 'open')
})

t.test('refusals and excluded calls are no part of the rate', async (t) => {
  const { breaker, pass } = clocked({ failureRate: 0.5, minimumCalls: 2, halfOpen: { ramp: 0 } })
  for (let call = 0; call < 100; call++) breaker.tryAcquire()?.exclude()
  t.match(breaker.snapshot().window, { judged: 0 })
  fail(breaker, 2)
  for (let call = 0; call < 100; call++) t.equal(breaker.tryAcquire(), null)
  pass(RESET)
  succeed(breaker, 1)
  t.equal(breaker.state, 'closed')
  fail(breaker, 1)
  t.equal(breaker.state, 'closed', 'the window began anew')
  fail(breaker, 1)
  t.equal(breaker.state, 'open')
})

t.test('the causes are those since the window had no failures', async (t) => {
  const { breaker, pass } = clocked({
    failureRate: 0.5,
    minimumCalls: 2,
    window: { duration: 1000 }
  })
  const changes: BreakerTransition[] = []
  t.teardown(subscribe('holdfast:circuit-breaker:state', (change) => changes.push(change)))
  breaker.tryAcquire()?.failure('old')
  pass(2000)
  succeed(breaker, 2)
  breaker.tryAcquire()?.failure(new RangeError('new'))
  breaker.tryAcquire()?.failure({ status: 503 })
  t.strictSame(changes[0]?.causes, { RangeError: 1, 'status 503': 1 })
})

t.test('opens at a rate of slow calls, though they succeed', async (t) => {
  const slowCall = { duration: 1000, rate: 0.5 }
  const { breaker, pass } = clocked({ slowCall, minimumCalls: 4 })
  const changes: BreakerTransition[] = []
  t.teardown(subscribe('holdfast:circuit-breaker:state', (change) => changes.push(change)))
  succeed(breaker, 2)
  for (let call = 0; call < 2; call++) {
    t.equal(breaker.state, 'closed')
    const slow = breaker.tryAcquire()
    pass(1000)
    slow?.success()
  }
  t.equal(breaker.state, 'open')
  t.strictSame(changes[0]?.causes, { 'slow call': 2 })
})

t.test(
  'a hanging dependency opens it soon after the slow bound, long before the timeout',
  async (t) => {
    const PER_SECOND = 200
    const { breaker, pass } = clocked({ slowCall: { duration: '1s', rate: 0.5 } })
    for (let tick = 0; tick < 10 * PER_SECOND; tick++) {
      succeed(breaker, 1)
      pass(1000 / PER_SECOND)
    }
    let ticks = 0
    const hanging: unknown[] = []
    while (breaker.state === 'closed') {
      hanging.push(breaker.tryAcquire())
      pass(1000 / PER_SECOND)
      ticks++
    }
    t.ok(ticks <= 6 * PER_SECOND, `after ${ticks / PER_SECOND} s`)
    t.ok(ticks > PER_SECOND)

    // Without a past of good calls it is a matter of the bound alone.
    const fresh = clocked({ slowCall: { duration: '1s', rate: 0.5 } })
    for (let tick = 0; tick < 1.2 * PER_SECOND; tick++) {
      fresh.breaker.tryAcquire()
      fresh.pass(1000 / PER_SECOND)
    }
    t.equal(fresh.breaker.state, 'open')
  }
)

t.test('calls whose callers leave count as slow if they took too long before that', async (t) => {
  const { breaker, pass } = clocked({ slowCall: { duration: 1000 }, minimumCalls: 3 })
  const calls = [1, 2, 3].map(() => breaker.tryAcquire())
  pass(999)
  calls[0]?.exclude()
  t.equal(breaker.snapshot().overdue, 0)
  pass(1)
  t.match(breaker.snapshot(), { overdue: 2, state: 'closed' })
  calls[1]?.exclude()
  t.match(breaker.snapshot(), { overdue: 1, window: { judged: 0, slow: 1, slowUnjudged: 1 } })
  t.equal(breaker.state, 'closed')
  const one = breaker.tryAcquire()
  pass(1000)
  t.equal(breaker.state, 'open')
  one?.success()
})

t.test('a call that was answered in time is not slow, however long the rest takes', async (t) => {
  const { breaker, pass } = clocked({ slowCall: { duration: 1000, rate: 1 }, minimumCalls: 1 })
  const stream = breaker.tryAcquire()
  stream?.answered()
  const told = breaker.tryAcquire(() => true)
  pass(60_000)
  t.match(breaker.snapshot(), { state: 'closed', overdue: 0 })
  stream?.success()
  stream?.answered()
  told?.success()
  t.match(breaker.snapshot().window, { judged: 2, slow: 0 })

  const other = clocked({ slowCall: { duration: 1000, rate: 1 }, minimumCalls: 1 })
  const late = other.breaker.tryAcquire()
  other.pass(1000)
  late?.answered()
  t.equal(other.breaker.state, 'open', 'an answer that comes too late does not help')
})

t.test('calls end in any order', async (t) => {
  const { breaker, pass } = clocked({ slowCall: { duration: 1000 }, minimumCalls: 100 })
  const [a, b, c, d] = [1, 2, 3, 4].map(() => breaker.tryAcquire())
  b?.success()
  d?.success()
  a?.success()
  pass(1000)
  t.equal(breaker.snapshot().overdue, 1)
  c?.failure()
  t.match(breaker.snapshot(), { overdue: 0, inFlight: 0, window: { judged: 4, slow: 1 } })
})

t.test('a probe that takes too long is lost at the slow bound', async (t) => {
  const { breaker, pass } = clocked({ threshold: 1, slowCall: { duration: 1000 } })
  fail(breaker, 1)
  pass(RESET)
  const probe = breaker.tryAcquire()
  pass(1000)
  t.equal(breaker.state, 'open')
  probe?.success()
  t.equal(breaker.state, 'open')
})

t.test('a question that throws counts as no, and is reported once', async (t) => {
  const warnings: string[] = []
  const listen = (warning: Error): void => void warnings.push(warning.message)
  process.on('warning', listen)
  t.teardown(() => process.off('warning', listen))
  const { breaker, pass } = clocked({ slowCall: { duration: 1000 }, minimumCalls: 100 })
  breaker.tryAcquire(() => {
    throw new Error('cannot tell')
  })
  pass(1000)
  t.equal(breaker.snapshot().overdue, 1)
  await new Promise(setImmediate)
  t.match(warnings.join(), /tryAcquire\(answered\).*cannot tell/)
})

t.test('a clock that is set back does not keep it open, and does not stop it', async (t) => {
  let now = 1_000_000_000
  const breaker = new CircuitBreaker({ threshold: 1, resetTimeout: RESET, clock: () => now })
  fail(breaker, 1)
  now -= 3_600_000
  t.equal(breaker.state, 'open')
  now += RESET
  t.equal(breaker.state, 'half-open')
  now -= 3_600_000
  succeed(breaker, 1)
  t.equal(breaker.state, 'closed')
})
