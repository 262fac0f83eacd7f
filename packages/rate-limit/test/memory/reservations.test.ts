import fc from 'fast-check'
import t from 'tap'
import type { AlgorithmName } from '../../dist/algorithms/algorithm.js'
import { Bans } from '../../dist/memory/bans.js'
import { ClientTable } from '../../dist/memory/client-table.js'
import { KeyHash } from '../../dist/memory/key-hash.js'
import { Limiter } from '../../dist/memory/limiter.js'
import { OpenReservations } from '../../dist/memory/reservations.js'
import { type Policies, policyOf } from '../../dist/policy.js'

/** What a client did in the end take, and when it was admitted. */
interface Usage {
  readonly time: number
  cost: number
}

interface Step {
  readonly wait: number
  readonly cost: number
  /** How much of it is used; the rest is given back. */
  readonly used: number
  /** After how many further steps it is settled; some never are. */
  readonly settledAfter: number
}

const steps = fc.array(
  fc.record({
    wait: fc.nat({ max: 30 }),
    cost: fc.integer({ min: 1, max: 10 }),
    used: fc.nat({ max: 10 }),
    settledAfter: fc.nat({ max: 12 })
  }),
  { maxLength: 40 }
)

/** Reserves and settles, late, early and never. Returns what was used in the end. */
function use(limiter: Limiter, trace: readonly Step[]): Usage[] {
  const usages: Usage[] = []
  const open: { at: number; settle: (now: number) => void }[] = []
  let now = 0
  trace.forEach(({ wait, cost, used, settledAfter }, step) => {
    now += wait
    for (const one of open) if (one.at === step) one.settle(now)
    if (!limiter.check('key', cost, now).allowed) return
    const usage = { time: now, cost }
    usages.push(usage)
    const held = limiter.reservation('key', cost)
    open.push({
      at: step + settledAfter,
      settle(now) {
        usage.cost = Math.min(used, cost)
        limiter.settle(held, usage.cost, now)
      }
    })
  })
  return usages
}

/** The most that was used in any span of that length, both its ends included. */
function mostIn(usages: readonly Usage[], span: number): number {
  const sums = usages.map(({ time: begin }) =>
    usages
      .filter(({ time }) => time >= begin && time <= begin + span)
      .reduce((sum, { cost }) => sum + cost, 0)
  )
  return Math.max(0, ...sums)
}

t.test('whatever is settled when, what is used stays within the limit', async (t) => {
  const [max, timeWindow] = [10, 100]
  const bounds: [AlgorithmName, (span: number) => number][] = [
    ['token-bucket', (span) => max + Math.floor(span / (timeWindow / max))],
    ['fixed-window', (span) => max * (2 + Math.floor(span / timeWindow))],
    ['sliding-window', (span) => max * (2 + Math.floor(span / timeWindow))]
  ]
  for (const [algorithm, most] of bounds) {
    const holds = fc.property(steps, (trace) => {
      const policies: Policies = [policyOf('limit', { max, timeWindow, algorithm })]
      const usages = use(new Limiter(policies, new ClientTable(100)), trace)
      return [0, 10, 50, 100, 200].every((span) => mostIn(usages, span) <= most(span))
    })
    fc.assert(holds, { numRuns: 1000 })
    t.pass(algorithm)
  }
})

t.test('what is settled at once is as if it had been known beforehand', async (t) => {
  const algorithm = fc.constantFrom('token-bucket', 'fixed-window', 'sliding-window' as const)
  const same = fc.property(algorithm, steps, (algorithm, trace) => {
    const policies: Policies = [policyOf('limit', { max: 10, timeWindow: 100, algorithm })]
    const reserving = new Limiter(policies, new ClientTable(100))
    const knowing = new Limiter(policies, new ClientTable(100))
    let now = 0
    return trace.every(({ wait, cost, used }) => {
      now += wait
      const actual = Math.min(used, cost)
      const { allowed } = reserving.check('key', cost, now)
      if (allowed) {
        reserving.settle(reserving.reservation('key', cost), actual, now)
        knowing.check('key', actual, now)
      }
      const [one, other] = [reserving, knowing].map((limiter) => limiter.peek('key', 1, now))
      return one?.remaining === other?.remaining && one?.retryAfter === other?.retryAfter
    })
  })
  fc.assert(same)
  t.pass()
})

t.test('two that overlap and are both cancelled give back no more than is due', async (t) => {
  const policies: Policies = [policyOf('limit', { max: 10, timeWindow: 10_000 })]
  const limiter = new Limiter(policies, new ClientTable(100))
  const reserve = (cost: number, now: number) => {
    t.ok(limiter.check('key', cost, now).allowed)
    return limiter.reservation('key', cost)
  }
  const first = reserve(10, 0)
  const second = reserve(5, 5000)
  limiter.settle(first, 0, 5000)
  t.equal(limiter.peek('key', 0, 5000).remaining, 5)
  t.ok(limiter.check('key', 10, 10_000).allowed)
  limiter.settle(second, 0, 10_000)
  t.equal(limiter.peek('key', 0, 10_000).remaining, 0, 'the second had come back by itself')
})

t.test('windows that have closed have nothing to give back', async (t) => {
  for (const algorithm of ['fixed-window', 'sliding-window'] as const) {
    const policies: Policies = [policyOf('limit', { max: 10, timeWindow: 100, algorithm })]
    const limiter = new Limiter(policies, new ClientTable(100))
    t.ok(limiter.check('key', 4, 0).allowed)
    const held = limiter.reservation('key', 4)
    t.ok(limiter.check('key', 6, 50).allowed)
    limiter.settle(held, 1, 150)
    const left = { 'fixed-window': 10, 'sliding-window': 10 - Math.floor((10 - 3) / 2) }
    t.equal(limiter.peek('key', 0, 150).remaining, left[algorithm])
    t.ok(limiter.check('key', 5, 400).allowed)
    const old = limiter.reservation('key', 5)
    t.ok(limiter.check('key', 10, 700).allowed)
    limiter.settle(old, 0, 700)
    t.equal(limiter.peek('key', 0, 700).remaining, 0)
  }
})

t.test('reservations that are never settled do not pile up', async (t) => {
  const reservations = new OpenReservations(1000)
  const hash = new KeyHash()
  const hashed = (key: string) => {
    hash.hash(key)
    return hash
  }
  for (let now = 0; now < 10_000; now++) reservations.open(hashed(`key ${now}`), now + 100, now)
  t.ok(reservations.size <= 400, `${reservations.size} are kept`)
  const reservation = reservations.open(hashed('key'), 20_000, 10_000)
  for (let now = 20_000; now < 20_300; now++) reservations.open(hashed(`other ${now}`), now, now)
  reservations.open(hashed('key'), 30_000, 20_300)
  t.equal(reservations.close(reservation), 20_000)
  reservations.void(hashed('nobody'))
})

t.test('reservations are bounded: one that there is no room for gives nothing back', async (t) => {
  const reservations = new OpenReservations(8)
  const hash = new KeyHash()
  const open = Array.from({ length: 100 }, (_, index) => {
    hash.hash(`key ${index}`)
    return reservations.open(hash, 100, 0)
  })
  t.equal(reservations.size, 8)
  const marks = open.map((reservation) => reservations.close(reservation))
  t.equal(marks.filter((mark) => mark === 100).length, 8)
  t.equal(marks.filter((mark) => mark === -Infinity).length, 92)
  t.equal(marks.at(-1), 100)
})

t.test(
  'a clock that is set back takes no more from reservations than from the account',
  async (t) => {
    const policies: Policies = [policyOf('limit', { max: 10, timeWindow: 1000 })]
    const limiter = new Limiter(policies, new ClientTable(8))
    limiter.check('key', 10, 600)
    const reservation = limiter.reservation('key', 10)
    t.match(limiter.check('key', 1, 0), { allowed: false, retryAfter: 100 })
    t.ok(limiter.check('key', 5, 500).allowed)
    limiter.settle(reservation, 0, 500)
    t.equal(limiter.peek('key', 0, 500).remaining, 5, 'what was taken since stays taken')
  }
)

t.test('a reset clears a debt that a sketch would restore', async (t) => {
  // In the end as many as it takes for either of a client's two cells to be the better one.
  for (let table = 0; table < 50; table++) {
    for (const algorithm of ['token-bucket', 'fixed-window'] as const) {
      const limit = { max: 10, timeWindow: 60_000, algorithm }
      const limiter = new Limiter([policyOf('limit', limit)], new ClientTable(64))
      limiter.check('victim', 5, 0)
      // Each owes more than the victim, which has to make room for them.
      for (let index = 0; index < 200; index++) limiter.check(`flood ${index}`, 6 + (index % 5), 0)
      if (limiter.peek('victim', 0, 0).remaining > 5) t.fail('its debt was forgotten')
      limiter.reset('victim', 0)
      if (limiter.peek('victim', 0, 0).remaining < 10) t.fail('its debt was restored')
    }
  }
  t.pass()
})

t.test('more bans than there is room for: those that end soonest are forgotten', async (t) => {
  const bans = new Bans(8)
  for (let index = 1; index <= 100; index++) bans.ban(`key ${index}`, index * 1000, 0)
  const left = Array.from({ length: 100 }, (_, index) => bans.left(`key ${index + 1}`, 0))
  t.equal(left.filter((rest) => rest > 0).length, 8)
  t.ok(left.every((rest, index) => rest === 0 || rest === (index + 1) * 1000))
  t.equal(left[99], 100_000)
  t.equal(bans.left('nobody', 0), 0, 'nobody is banned in the place of another')
})
