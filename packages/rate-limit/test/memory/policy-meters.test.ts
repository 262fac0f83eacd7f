/**
 * Limits whose numbers are others from one request to the next: `memory/policy-meters.ts`, and the
 * accounts behind it.
 */
import { MemoryStore } from '@holdfast/rate-limit'
import fc from 'fast-check'
import t from 'tap'
import { ClientTable } from '../../dist/memory/client-table.js'
import { Limiter } from '../../dist/memory/limiter.js'
import { type Policies, policyOf } from '../../dist/policy.js'
import { admittedBy, breachOf, traces } from '../support/changing-limits.ts'

const ALGORITHMS = ['token-bucket', 'sliding-window', 'fixed-window'] as const

t.test('the bounds hold for every trace of changing max, timeWindow and burst', async () => {
  for (const algorithm of ALGORITHMS) {
    await fc.assert(
      fc.asyncProperty(traces, async (trace) => {
        let now = 0
        const store = new MemoryStore({ clock: () => now, maxKeys: 4 })
        const admitted = await admittedBy(store, algorithm, trace, (elapsed) => {
          now += elapsed
        })
        const breach = breachOf(admitted)
        if (breach !== undefined) throw new Error(`${algorithm}: ${breach}`)
      }),
      { numRuns: 300 }
    )
  }
})

t.test('what is asked in one window changes nothing in another', async () => {
  for (const algorithm of ALGORITHMS) {
    fc.assert(
      fc.property(traces, (trace) => {
        const policiesOf = ({ max, timeWindow }: (typeof trace)[number]): Policies => [
          policyOf('limit', { max, timeWindow, algorithm })
        ]
        const first = trace[0]
        if (first === undefined) return true
        const together = new Limiter(policiesOf(first), new ClientTable(100))
        const apart = new Map<number, Limiter>()
        let now = 0
        return trace.every((step) => {
          now += step.elapsed
          const policies = policiesOf(step)
          const alone = apart.get(step.timeWindow) ?? new Limiter(policies, new ClientTable(100))
          apart.set(step.timeWindow, alone)
          const [one, other] = [together, alone].map((limiter) =>
            step.isPeek
              ? limiter.peek('client', step.cost, now, policies)
              : limiter.check('client', step.cost, now, policies)
          )
          return JSON.stringify(one) === JSON.stringify(other)
        })
      }),
      { numRuns: 200 }
    )
  }
})

t.test('a limit that depends on what is asked forgives nothing', async (t) => {
  for (const algorithm of ALGORITHMS) {
    const login: Policies = [policyOf('limit', { max: 5, timeWindow: 900_000, algorithm })]
    const other: Policies = [policyOf('limit', { max: 300, timeWindow: 1000, algorithm })]
    const limiter = new Limiter(login, new ClientTable(100))
    let logins = 0
    let others = 0
    let now = 0
    for (let round = 0; round < 20; round++) {
      for (let request = 0; request < 6; request++, now += 10) {
        if (limiter.check('client', 1, now, login).allowed) logins++
      }
      if (limiter.check('client', 1, now, other).allowed) others++
      now += 10
    }
    t.strictSame([logins, others], [5, 20], algorithm)
  }
})

t.test('a burst that is stated holds under every max', async (t) => {
  const of = (max: number): Policies => [
    policyOf('limit', { max, timeWindow: 60_000, burst: 5, algorithm: 'token-bucket' })
  ]
  const limiter = new Limiter(of(1), new ClientTable(100))
  t.ok(limiter.check('client', 5, 0, of(1)).allowed)
  for (const now of [0, 10_000, 20_000, 59_999]) {
    t.match(limiter.check('client', 1, now, of(300)), { allowed: false, remaining: 0 })
    t.notOk(limiter.check('client', 1, now, of(1)).allowed)
  }
  t.ok(limiter.check('client', 1, 60_000, of(1)).allowed, 'one is back after a minute')
})

t.test('a max that is raised or lowered', async (t) => {
  const of = (max: number, algorithm: (typeof ALGORITHMS)[number]): Policies => [
    policyOf('limit', { max, timeWindow: 10_000, algorithm })
  ]
  const after = (algorithm: (typeof ALGORITHMS)[number], max: number, now: number) => {
    const limiter = new Limiter(of(10, algorithm), new ClientTable(8))
    limiter.check('client', 10, 0)
    return limiter.peek('client', 1, now, of(max, algorithm)).remaining
  }
  t.test('gives windows the difference at once', async (t) => {
    t.equal(after('fixed-window', 100, 0), 90)
    t.equal(after('sliding-window', 100, 0), 90)
  })
  t.test('gives a bucket nothing at once, and then at the new pace', async (t) => {
    t.equal(after('token-bucket', 100, 0), 0)
    t.equal(after('token-bucket', 100, 100), 1)
    t.equal(after('token-bucket', 100, 5000), 50)
  })
  t.test('makes nobody wait for longer than a window', async (t) => {
    for (const algorithm of ALGORITHMS) {
      t.equal(after(algorithm, 1, 0), 0)
      t.equal(after(algorithm, 1, 20_000), 1)
    }
  })
})

t.test('a reset and a ban reach every window of a client', async (t) => {
  for (const algorithm of ALGORITHMS) {
    const windows = [1000, 60_000, 900_000].map(
      (timeWindow): Policies => [policyOf('limit', { max: 1, timeWindow, algorithm })]
    )
    const limiter = new Limiter(windows[0] as Policies, new ClientTable(100))
    const allowed = (now: number) =>
      windows.map((policies) => limiter.check('client', 1, now, policies).allowed)
    t.strictSame(allowed(0), [true, true, true])
    t.strictSame(allowed(1), [false, false, false])
    limiter.reset('client', 2)
    t.strictSame(allowed(3), [true, true, true])
    limiter.ban('client', 10, 4)
    t.strictSame(
      windows.map((policies) => limiter.peek('client', 0, 5, policies).reason),
      ['banned', 'banned', 'banned']
    )
  }
})

t.test('a reservation is settled in the window that it was charged in', async (t) => {
  const short: Policies = [policyOf('limit', { max: 10, timeWindow: 1000 })]
  const long: Policies = [policyOf('limit', { max: 10, timeWindow: 60_000 })]
  const limiter = new Limiter(short, new ClientTable(100))
  limiter.check('client', 8, 0, long)
  const reservation = limiter.reservation('client', 8, long)
  limiter.check('client', 8, 0, short)
  limiter.settle(reservation, 3, 0)
  t.equal(limiter.peek('client', 0, 0, long).remaining, 7)
  t.equal(limiter.peek('client', 0, 0, short).remaining, 2)
})
