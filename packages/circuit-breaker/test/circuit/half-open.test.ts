/**
 * From open back to closed: open periods, probes, and the ramp. Covers `circuit/backoff.ts`,
 * `circuit/probes.ts` and `circuit/ramp.ts`.
 */
import { CircuitBreaker } from '@holdfast/circuit-breaker'
import t from 'tap'
import { clocked, fail, RESET, succeed } from '../support/clocked.ts'

t.test('of 10,000 callers never more than the permits are let through', async (t) => {
  const PERMITS = 3
  const { breaker, pass } = clocked({ threshold: 1, halfOpen: { permits: PERMITS } })
  fail(breaker, 1)
  pass(RESET)
  const probes = Array.from({ length: 10_000 }, () => breaker.tryAcquire()).filter(
    (permit) => permit !== null
  )
  t.equal(probes.length, PERMITS)
  probes[0]?.success()
  probes[1]?.success()
  t.equal(breaker.tryAcquire(), null, 'a permit that was used is used')
  t.equal(breaker.state, 'half-open')
  probes[2]?.success()
  t.equal(breaker.state, 'closed')

  let before = PERMITS
  for (let second = 0; second < 12; second++) {
    let admitted = 0
    for (let caller = 0; caller < 10_000; caller++) {
      const permit = breaker.tryAcquire()
      if (permit === null) continue
      admitted++
      permit.success()
    }
    t.equal(admitted, Math.min(2 * before, 10_000), `in second ${second}`)
    before = admitted
    pass(1000)
  }
  t.equal(breaker.snapshot().ramp, undefined, 'everybody is back')
})

t.test('a step with calls to spare ends the ramp, and so does an idle time', async (t) => {
  for (const steps of [1, 100]) {
    const { breaker, pass } = clocked({ threshold: 1 })
    fail(breaker, 1)
    pass(RESET)
    succeed(breaker, 1)
    t.match(breaker.snapshot(), { state: 'closed', ramp: 2, retryAfter: 0 })
    succeed(breaker, 2)
    t.equal(breaker.tryAcquire(), null)
    t.equal(breaker.retryAfter, 1000)
    t.equal(await breaker.execute(() => 1, { fallback: () => 'not yet' }), 'not yet')
    pass(1000)
    succeed(breaker, 3)
    t.equal(breaker.snapshot().ramp, 4)
    pass(steps * 1000)
    t.equal(breaker.snapshot().ramp, undefined)
    for (let call = 0; call < 100; call++) t.ok(breaker.tryAcquire())
  }
})

t.test('without a ramp everybody is back at once', async (t) => {
  const { breaker, pass } = clocked({ threshold: 1, halfOpen: { ramp: 0 } })
  fail(breaker, 1)
  pass(RESET)
  succeed(breaker, 1)
  for (let call = 0; call < 100; call++) t.ok(breaker.tryAcquire())
})

t.test('the verdict is by ratio, as soon as it is certain', async (t) => {
  const halfOpen = { permits: 5, successRate: 0.6 }
  const well = clocked({ threshold: 1, halfOpen })
  fail(well.breaker, 1)
  well.pass(RESET)
  fail(well.breaker, 2)
  succeed(well.breaker, 2)
  t.equal(well.breaker.state, 'half-open')
  succeed(well.breaker, 1)
  t.equal(well.breaker.state, 'closed')

  const ill = clocked({ threshold: 1, halfOpen })
  fail(ill.breaker, 1)
  ill.pass(RESET)
  succeed(ill.breaker, 2)
  fail(ill.breaker, 2)
  t.equal(ill.breaker.state, 'half-open')
  fail(ill.breaker, 1)
  t.equal(ill.breaker.state, 'open')

  const many = clocked({ threshold: 1, halfOpen: { permits: 100, successRate: 0.55 } })
  fail(many.breaker, 1)
  many.pass(RESET)
  fail(many.breaker, 45)
  succeed(many.breaker, 55)
  t.equal(many.breaker.state, 'closed')
})

t.test('one lost probe of several counts as a failure, and frees nothing', async (t) => {
  const { breaker, pass } = clocked({ threshold: 1, halfOpen: { permits: 2, successRate: 0.5 } })
  fail(breaker, 1)
  pass(RESET)
  const lost = breaker.tryAcquire()
  pass(5)
  const probe = breaker.tryAcquire()
  pass(RESET - 5)
  t.match(breaker.snapshot(), { state: 'half-open', retryAfter: 5 })
  lost?.success()
  t.equal(breaker.state, 'half-open', 'what the lost one says counts no more')
  probe?.success()
  t.match(breaker.snapshot(), { state: 'closed', inFlight: 0 })
})

t.test('each open period is twice as long, up to the longest, until it was stable', async (t) => {
  const { breaker, pass } = clocked({ threshold: 1, maxResetTimeout: '35s' })
  for (const length of [RESET, 2 * RESET, 35_000, 35_000]) {
    fail(breaker, 1)
    t.equal(breaker.retryAfter, length)
    pass(length)
  }
  t.equal(breaker.snapshot().openings, 4)
  succeed(breaker, 1)
  pass(34_999)
  fail(breaker, 1)
  t.equal(breaker.retryAfter, 35_000, 'closed for less than it was last open')
  pass(35_000)
  succeed(breaker, 1)
  pass(35_000)
  fail(breaker, 1)
  t.equal(breaker.retryAfter, RESET)
})

t.test(
  'half of an open period is chance: breakers that opened together come back apart',
  async (t) => {
    const BREAKERS = 1000
    const TENTHS = 10
    let now = 0
    const spread = new Array<number>(TENTHS).fill(0)
    for (let count = 0; count < BREAKERS; count++) {
      const breaker = new CircuitBreaker({ threshold: 1, resetTimeout: RESET, clock: () => now })
      fail(breaker, 1)
      const { retryAfter } = breaker
      if (retryAfter < RESET / 2 || retryAfter > RESET) t.fail(`${retryAfter}`)
      const tenth = Math.floor(((retryAfter - RESET / 2) / (RESET / 2)) * TENTHS)
      spread[tenth] = (spread[tenth] as number) + 1
      now++
    }
    const expected = BREAKERS / TENTHS
    const chiSquare = spread.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
    // Nine degrees of freedom: an even spread exceeds this once in a million times.
    t.ok(chiSquare < 45, `${chiSquare}`)
  }
)

t.test('a Retry-After lengthens the open period, up to the longest', async (t) => {
  const { breaker, pass } = clocked({ threshold: 2 })
  breaker.tryAcquire()?.failure('busy', 30_000)
  pass(1000)
  breaker.tryAcquire()?.failure('busy', 5000)
  t.equal(breaker.retryAfter, 29_000, 'the latest of what it asked for')
  pass(29_000)
  t.equal(breaker.state, 'half-open')
  breaker.tryAcquire()?.failure('busy', 3_600_000)
  t.equal(breaker.retryAfter, 60_000)
  pass(60_000)
  fail(breaker, 1)
  t.equal(breaker.retryAfter, 40_000, 'what it asked for before is past')
  for (const nonsense of [NaN, -1, Infinity]) {
    const other = clocked({ threshold: 1 })
    other.breaker.tryAcquire()?.failure('busy', nonsense)
    t.equal(other.breaker.retryAfter, nonsense === Infinity ? 60_000 : RESET)
  }
})
