import { MemoryStore } from '@holdfast/rate-limit'
import fc from 'fast-check'
import t from 'tap'
import { ClientTable } from '../../dist/memory/client-table.js'
import { Limiter } from '../../dist/memory/limiter.js'
import { type Limit, type Policies, policyOf } from '../../dist/policy.js'
import { type LeaseRemainder, Leases } from '../../dist/sharing/lease.js'

const LIMIT = { max: 100, timeWindow: 1000 }
const POLICIES: Policies = [policyOf('p', LIMIT)]

const ACCOUNT = { limit: 'limit', keys: 'client', policies: POLICIES, countDenied: false }
const settle = async () => {}

/** Several processes that lease from one limiter. */
class Processes {
  #now = 0
  readonly #store = new MemoryStore({ maxKeys: 8, clock: () => this.#now })
  readonly #leases: readonly Leases[]
  asked = 0

  constructor(instances: number, max: number) {
    this.#leases = Array.from({ length: instances }, () => {
      return new Leases(max, instances, ({ settle, spent }) => void settle(spent))
    })
  }

  /** Whether a request is admitted. */
  async check(process: number, cost: number, now: number): Promise<boolean> {
    const leases = this.#leases[process] as Leases
    const lease = leases.find('client', POLICIES)
    if (lease !== undefined && leases.spend(lease, cost, now)?.allowed) return true
    this.#now = now
    if (lease !== undefined) leases.release(lease)
    for (const size of new Set([leases.size(lease, cost), cost])) {
      this.asked++
      const { decision, settle } = await this.#store.reserve({ ...ACCOUNT, costs: size })
      leases.renew('client', POLICIES, { decision, size, cost, settle }, now)
      if (decision.allowed) return true
    }
    return false
  }

  /** Ends a process, and starts another in its place. */
  restart(process: number, now: number): void {
    this.#now = now
    this.#leases[process]?.endAll()
  }
}

t.test(
  'processes that lease admit at most their leases more than the limit, in any span',
  async (t) => {
    const request = fc.record({
      process: fc.nat(3),
      cost: fc.integer({ min: 0, max: 4 }),
      elapsed: fc.oneof(fc.constant(0), fc.nat(30), fc.nat(2000)),
      isLast: fc.integer({ min: 0, max: 9 }).map((number) => number === 0)
    })
    const requests = fc.array(request, { minLength: 50, maxLength: 400 })
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 2, max: 30 }), requests, async (max, requests) => {
        const processes = new Processes(4, max)
        let now = 0
        const admitted: { at: number; cost: number }[] = []
        for (const { process, cost, elapsed, isLast } of requests) {
          now += elapsed
          if (await processes.check(process, cost, now)) admitted.push({ at: now, cost })
          if (isLast) processes.restart(process, now)
        }
        for (let first = 0; first < admitted.length; first++) {
          let sum = 0
          for (const { at, cost } of admitted.slice(first)) {
            sum += cost
            const span = at - (admitted[first]?.at ?? 0)
            if (sum > 100 + Math.floor(span / 10) + 4 * max) return false
          }
        }
        return true
      })
    )
    t.pass()
  }
)

t.test('a lease shrinks with what is left, and is one at the end', async (t) => {
  const processes = new Processes(1, 20)
  const trips: number[] = []
  for (let admitted = 0; admitted < 100; admitted++) {
    processes.asked = 0
    t.ok(await processes.check(0, 1, 0))
    if (processes.asked > 0) trips.push(admitted)
  }
  t.notOk(await processes.check(0, 1, 0))
  const [first, ...others] = trips
  t.equal(first, 0)
  const sizes = others.map((trip, index) => (trips[index + 2] ?? 100) - trip)
  t.strictSame(
    [...sizes].sort((one, other) => other - one),
    sizes,
    `they never grow: ${sizes}`
  )
  t.equal(sizes.at(-1), 1)
})

t.test(
  'leases are bounded: what is left of the one that was made first is given back',
  async (t) => {
    const left: LeaseRemainder[] = []
    const leases = new Leases(10, 1, (remainder) => left.push(remainder))
    const limiter = new Limiter(POLICIES, new ClientTable(2 ** 15))
    for (let client = 0; client <= 2 ** 14; client++) {
      const decision = limiter.check(`${client}`, 5, 0)
      leases.renew(`${client}`, POLICIES, { decision, size: 5, cost: 1, settle }, 0)
    }
    t.equal(leases.find('0', POLICIES), undefined)
    t.strictSame(left, [{ spent: 1, settle }])
    t.equal(leases.find('1', POLICIES)?.tokens, 4)
  }
)

t.test('a lease is for one limit, in whatever words it is stated', async (t) => {
  const left: LeaseRemainder[] = []
  const leases = new Leases(10, 1, (remainder) => left.push(remainder))
  const limiter = new Limiter(POLICIES, new ClientTable(8))
  const renew = (policies: Policies) => {
    const decision = limiter.check('a', 5, 0)
    leases.renew('a', policies, { decision, size: 5, cost: 2, settle }, 0)
  }
  renew(POLICIES)
  t.equal(leases.find('a', [policyOf('p', LIMIT)])?.tokens, 3)
  const others: readonly [name: string, limit: Limit][] = [
    ['q', LIMIT],
    ['p', { ...LIMIT, max: 99 }],
    ['p', { ...LIMIT, timeWindow: 999 }],
    ['p', { ...LIMIT, algorithm: 'fixed-window' }]
  ]
  for (const [name, limit] of others) t.notOk(leases.find('a', [policyOf(name, limit)]), name)
  t.notOk(leases.find('a', [...POLICIES, policyOf('q', LIMIT)]))
  renew([policyOf('p', { ...LIMIT, max: 99 })])
  t.strictSame(left, [{ spent: 2, settle }], 'the other one is given back')
})

t.test('what is left of leases is given back at the end, of whatever age', async (t) => {
  const left: LeaseRemainder[] = []
  const leases = new Leases(10, 1, (remainder) => left.push(remainder))
  const limiter = new Limiter(POLICIES, new ClientTable(8))
  for (const [key, size, now] of [
    ['some', 5, 0],
    ['none', 1, 0],
    ['more', 9, 500]
  ] as const) {
    const decision = limiter.check(key, size, now)
    leases.renew(key, POLICIES, { decision, size, cost: 1, settle }, now)
  }
  leases.endAll()
  leases.end('nobody')
  t.strictSame(left, Array(2).fill({ spent: 1, settle }), 'some and more')
  t.equal(leases.find('some', POLICIES), undefined)
})
