import fc from 'fast-check'
import t from 'tap'
import { ClientTable } from '../dist/client-table.js'
import { Limiter } from '../dist/limiter.js'
import { type Policies, policyOf } from '../dist/policy.js'

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
    max: fc.integer({ min: 1, max: 6 }),
    timeWindow: fc.constantFrom(10, 100, 1000),
    algorithm: fc.constantFrom('token-bucket', 'sliding-window', 'fixed-window' as const)
  })
  const calls = fc.array(fc.tuple(fc.nat({ max: 2 }), fc.nat({ max: 3 }), fc.nat({ max: 60 })), {
    maxLength: 100
  })
  fc.assert(
    fc.property(fc.array(policy, { minLength: 2, maxLength: 5 }), calls, (limits, trace) => {
      const policies = limits.map((limit, index) =>
        policyOf(`p${index}`, limit)
      ) as unknown as Policies
      const together = new Limiter(policies, new ClientTable(1000))
      const apart = policies.map((one) => new Limiter([one], new ClientTable(1000)))
      let now = 0
      for (const [index, cost, step] of trace) {
        now += step
        const key = `key ${index}`
        const each = apart.map((limiter) => limiter.peek(key, cost, now).allowed)
        const { allowed } = together.check(key, cost, now)
        if (allowed !== each.every(Boolean)) return false
        if (allowed) for (const limiter of apart) limiter.check(key, cost, now)
        const left = together.peek(key, 0, now).each?.map(({ remaining }) => remaining)
        const expected = apart.map((limiter) => limiter.peek(key, 0, now).remaining)
        if (left?.join() !== expected.join()) return false
      }
      return true
    })
  )
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

t.test('a look charges nothing, and what was charged can be given back', async (t) => {
  const limiter = new Limiter([perSecond], new ClientTable(100))
  t.match(limiter.peek('a', 1, 0), { allowed: true, remaining: 2, moreAfter: 0, resetAfter: 0 })
  t.match(limiter.peek('a', 3, 0), { allowed: false, retryAfter: Infinity, reason: 'exceeded' })
  limiter.check('a', 2, 0)
  limiter.refund('a', 1, 0)
  t.match(limiter.peek('a', 0, 0), { remaining: 1, resetAfter: 500 })
  limiter.refund('a', 5, 0)
  t.match(limiter.peek('a', 0, 0), { remaining: 2, resetAfter: 0 })
  limiter.refund('b', 1, 0)
  t.match(limiter.peek('b', 0, 0), { remaining: 2 }, 'nobody gets more than there is')
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
