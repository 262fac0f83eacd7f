import {
  dropIdleDeadlines,
  monotonicClock,
  type Timed,
  unwatchDeadline,
  watchDeadline
} from '@holdfast/core'
import t, { type Test } from 'tap'
import { warningsOf } from './warnings.ts'

// The timer keeps no process alive, and here nothing else would.
const alive = setInterval(() => {}, 60_000)
t.teardown(() => clearInterval(alive))

const timed = (timedOut: () => void): Timed => ({ due: 0, timeout: 0, position: -1, timedOut })

/** Watches something from now on. */
function watch(timeout: number, timedOut: () => void): Timed {
  const watched = timed(timedOut)
  watchDeadline(watched, timeout, monotonicClock() + timeout)
  return watched
}

const passed = (milliseconds: number): Promise<unknown> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds))

/** The count of timers that were set since. */
function countTimers(t: Test): () => number {
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
  return () => timers
}

t.test('all deadlines share one timer, whatever their lengths', async (t) => {
  const timers = countTimers(t)
  for (let call = 0; call < 1000; call++) unwatchDeadline(watch(31_000 + call, () => {}))
  t.equal(timers(), 1)
  dropIdleDeadlines()
  const waiting = watch(31_000, () => {})
  t.equal(timers(), 2)
  dropIdleDeadlines()
  const later = watch(32_000, () => {})
  t.equal(timers(), 2, 'a timer that somebody waits for goes on')
  const earlier = watch(30_000, () => {})
  t.equal(timers(), 3)
  for (const one of [waiting, later, earlier]) unwatchDeadline(one)
  dropIdleDeadlines()

  unwatchDeadline(watch(1, () => t.fail('it expired')))
  await passed(20)
  const before = timers()
  dropIdleDeadlines()
  unwatchDeadline(watch(31_000, () => {}))
  t.equal(timers(), before + 1, 'a timer that nobody waited for is not set again')
  dropIdleDeadlines()
})

t.test('each expires once, in the order of their times, and those that left do not', async (t) => {
  const order: string[] = []
  watch(40, () => order.push('third'))
  watch(5, () => order.push('first'))
  const left = watch(10, () => order.push('left'))
  watch(20, () => {
    order.push('second')
    watch(1, () => order.push('begun by the second'))
  })
  unwatchDeadline(left)
  unwatchDeadline(left)
  while (order.length < 4) await passed(5)
  t.strictSame(
    order.filter((name) => name !== 'begun by the second'),
    ['first', 'second', 'third']
  )
  await passed(20)
  t.equal(order.length, 4)
})

t.test('what came while the process was held up is read before its deadline expires', async (t) => {
  const order: string[] = []
  watch(30, () => order.push('expired'))
  // From a place in the turn of the loop after which timers are the first to be called.
  await new Promise(setImmediate)
  const end = performance.now() + 120
  while (performance.now() < end);
  setImmediate(() => order.push('read'))
  while (order.length < 2) await passed(5)
  t.strictSame(order, ['read', 'expired'])
})

t.test('a timer that fires early by its clock expires the deadline it was set for', async (t) => {
  const order: string[] = []
  const now = monotonicClock()
  const [first, gone, second] = ['first', 'gone', 'second'].map((name) =>
    timed(() => order.push(name))
  ) as [Timed, Timed, Timed]
  // Due long after the timer fires, as a timer of a test that has its own would.
  watchDeadline(first, 7, now + 60_000)
  watchDeadline(gone, 7, now + 60_000)
  watchDeadline(second, 7, now + 60_050)
  unwatchDeadline(gone)
  await passed(40)
  t.strictSame(order, ['first'])
  unwatchDeadline(second)
  dropIdleDeadlines()
})

t.test('a deadline in more than 24 days does not expire at once', async (t) => {
  const far = watch(2 ** 31, () => t.fail('it expired'))
  await passed(20)
  t.not(far.position, -1)
  unwatchDeadline(far)
  dropIdleDeadlines()
})

t.test('one that throws keeps no other from expiring, and is reported', async (t) => {
  const warnings = warningsOf(t)
  const order: string[] = []
  watch(5, () => {
    order.push('thrown')
    throw new Error('not now')
  })
  watch(5, () => order.push('beside it'))
  watch(40, () => order.push('later'))
  while (order.length < 3) await passed(5)
  t.strictSame(order, ['thrown', 'beside it', 'later'])
  t.match(warnings, [{ message: /timedOut\(\) of a deadline.*not now/s }])
})
