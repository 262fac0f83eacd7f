import { MemoryStore } from '@holdfast/rate-limit'
import fc from 'fast-check'
import t from 'tap'
import { ClientTable } from '../dist/client-table.js'
import { Leases } from '../dist/lease.js'
import { Limiter } from '../dist/limiter.js'
import { type Policies, policyOf } from '../dist/policy.js'

const POLICIES: Policies = [policyOf('p', { max: 100, timeWindow: 1000 })]

const ACCOUNT = { limit: 'limit', keys: 'client', policies: POLICIES, countDenied: false }
const settle = async () => {}

/** Several processes that lease from one limiter. */
class Processes {
  #now = 0
  readonly #store = new MemoryStore({ maxKeys: 8, clock: () => this.#now })
  readonly #leases: readonly Leases[]
  asked = 0

  constructor(instances: number, max: number) {
    this.#leases = Array.from({ length: instances }, () => new Leases(max, instances))
  }

  /** Whether a request is admitted. */
  async check(process: number, cost: number, now: number): Promise<boolean> {
    const leases = this.#leases[process] as Leases
    const lease = leases.find('client', POLICIES)
    if (lease !== undefined && leases.spend(lease, cost, now)?.allowed) return true
    for (const size of new Set([leases.size(lease, cost), cost])) {
      this.asked++
      this.#now = now
      const { decision, settle } = await this.#store.reserve({ ...ACCOUNT, costs: size })
      leases.renew('client', POLICIES, { decision, size, cost, settle }, now)
      if (decision.allowed) return true
    }
    return false
  }

  /** Ends a process, and starts another in its place. */
  async restart(process: number, now: number): Promise<void> {
    this.#now = now
    const leases = this.#leases[process] as Leases
    await Promise.all(leases.end(now).map(({ settle, spent }) => settle(spent)))
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
          if (isLast) await processes.restart(process, now)
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

t.test('leases are bounded: the one that was made first is given up', async (t) => {
  const leases = new Leases(10, 1)
  const table = new ClientTable(2 ** 15)
  const limiter = new Limiter(POLICIES, table)
  for (let client = 0; client <= 2 ** 14; client++) {
    const decision = limiter.check(`${client}`, 5, 0)
    leases.renew(`${client}`, POLICIES, { decision, size: 5, cost: 1, settle }, 0)
  }
  t.equal(leases.find('0', POLICIES), undefined)
  t.equal(leases.find('1', POLICIES)?.tokens, 4)
  t.equal(leases.find('1', [...POLICIES]), undefined, 'under other numbers there is none')
  t.equal(leases.end(250).length, 0, 'what has expired is not given back')
  t.equal(leases.find('1', POLICIES), undefined)
})

t.test('what is left of leases is told at the end', async (t) => {
  const leases = new Leases(10, 1)
  const limiter = new Limiter(POLICIES, new ClientTable(8))
  for (const [key, size] of [
    ['some', 5],
    ['none', 1]
  ] as const) {
    const decision = limiter.check(key, size, 0)
    leases.renew(key, POLICIES, { decision, size, cost: 1, settle }, 0)
  }
  t.strictSame(leases.end(100), [{ key: 'some', policies: POLICIES, spent: 1, settle }])
})
