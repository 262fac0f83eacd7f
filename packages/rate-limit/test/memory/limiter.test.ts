/**
 * Policies that are asked together: `limiter.ts`, `meter.ts`, `policy-meters.ts` and `per-policy.ts`.
 */
import fc from 'fast-check'
import t from 'tap'
import { ClientTable } from '../../dist/memory/client-table.js'
import { Limiter } from '../../dist/memory/limiter.js'
import { type Policies, policyOf } from '../../dist/policy.js'

const perSecond = policyOf('second', { max: 2, timeWindow: 1000 })
const perDay = policyOf('day', { max: 5, timeWindow: 86_400_000, algorithm: 'fixed-window' })

t.test('several policies are charged all or nothing', async (t) => {
  const limiter = new Limiter([perSecond, perDay], new ClientTable(100))
  t.match(limiter.check('a', 2, 0), { allowed: true, policy: 'second', remaining: 0 })
  const denied = limiter.check('a', 1, 0)
  t.match(denied, { allowed: false, policy: 'second', retryAfter: 500 })
  t.match(denied.each, [
    { policy: 'second', allowed: false, remaining: 0 },
    { policy: 'day', allowed: true, remaining: 3 }
  ])
  t.ok(limiter.check('a', 2, 1000).allowed)
  t.match(limiter.check('a', 2, 2000), { allowed: false, policy: 'day', remaining: 1 })
  t.match(limiter.check('a', 1, 2000), { allowed: true }, 'the second was not charged in vain')
  t.match(limiter.check('b', 1, 2000), { allowed: true, policy: 'second', remaining: 1 })
})

t.test('either all are debited or none, for any policies and any trace', async (t) => {
  const policy = fc.record({
    max: fc.integer({ min: 0, max: 6 }),
    timeWindow: fc.constantFrom(10, 100, 1000),
    algorithm: fc.constantFrom('token-bucket', 'sliding-window', 'fixed-window' as const)
  })
  const limits = fc.array(policy, { minLength: 2, maxLength: 5 })
  /** Of each policy the client and the cost, then how long until that. */
  const calls = fc.array(
    fc.record({
      clients: fc.array(fc.nat({ max: 2 }), { minLength: 5, maxLength: 5 }),
      costs: fc.array(fc.nat({ max: 3 }), { minLength: 5, maxLength: 5 }),
      step: fc.nat({ max: 60 })
    }),
    { maxLength: 100 }
  )
  const holds = fc.property(limits, calls, fc.boolean(), (limits, trace, isOneClient) => {
    const policies = limits.map((limit, index) => policyOf(`p${index}`, limit)) as never as Policies
    const together = new Limiter(policies, new ClientTable(1000))
    // The model: a limiter for each policy, charged when all of them would allow it.
    const apart = policies.map((one) => new Limiter([one], new ClientTable(1000)))
    let now = 0
    return trace.every(({ clients, costs, step }) => {
      now += step
      const keys = clients.map((client) => `key ${client}`)
      const keyOf = (index: number) => keys[isOneClient ? 0 : index] as string
      const costOf = (index: number) => costs[isOneClient ? 0 : index] as number
      const model = apart.map((one, index) => one.peek(keyOf(index), costOf(index), now))
      const asked = isOneClient ? keyOf(0) : keys
      const decision = together.check(asked, isOneClient ? costOf(0) : costs, now)
      const allowed = model.every((one) => one.allowed)
      if (allowed) {
        for (const [index, one] of apart.entries()) one.check(keyOf(index), costOf(index), now)
      }
      const waits = model.map(({ retryAfter }) => retryAfter)
      const left = together.peek(asked, 0, now).each?.map(({ remaining }) => remaining)
      const expected = apart.map((one, index) => one.peek(keyOf(index), 0, now).remaining)
      return (
        decision.allowed === allowed &&
        decision.retryAfter === Math.max(...waits) &&
        left?.join() === expected.join()
      )
    })
  })
  fc.assert(holds, { numRuns: 300 })
  t.pass()
})

t.test('a table too small for all policies of a request still keeps the limits', async (t) => {
  const names = ['a', 'b', 'c', 'd', 'e', 'f']
  const policies = names.map((name) => policyOf(name, { max: 3, timeWindow: 60_000 }))
  const limiter = new Limiter(policies as unknown as Policies, new ClientTable(4))
  let admitted = 0
  for (let call = 0; call < 10; call++) if (limiter.check('key', 1, 0).allowed) admitted++
  t.ok(admitted <= 3, `${admitted} of 3`)
})

t.test('a look charges nothing', async (t) => {
  const limiter = new Limiter([perSecond], new ClientTable(100))
  t.match(limiter.peek('a', 1, 0), { allowed: true, remaining: 2, moreAfter: 0, resetAfter: 0 })
  t.match(limiter.peek('a', 3, 0), { allowed: false, retryAfter: Infinity, reason: 'exceeded' })
  limiter.check('a', 2, 0)
  t.match(limiter.peek('a', 0, 0), { remaining: 0, resetAfter: 1000 })
})

t.test('denied requests count where they should', async (t) => {
  const limiter = new Limiter([perSecond], new ClientTable(100), { countDenied: true })
  limiter.check('a', 2, 0)
  t.notOk(limiter.check('a', 1, 400).allowed)
  t.notOk(limiter.check('a', 1, 500).allowed, 'asked too early')
  t.ok(limiter.check('a', 1, 1000).allowed)
})

t.test('a limit may differ from one client to the next', async (t) => {
  const table = new ClientTable(100)
  const limiter = new Limiter([perSecond], table)
  const pro = policyOf('second', { max: 10, timeWindow: 1000 })
  t.match(limiter.check('free', 2, 0), { allowed: true, limit: 2, remaining: 0 })
  t.match(limiter.check('pro', 2, 0, [pro]), { allowed: true, limit: 10, remaining: 8 })
  t.notOk(limiter.check('free', 1, 0).allowed)
  t.ok(limiter.check('pro', 8, 0, [pro]).allowed)
})
