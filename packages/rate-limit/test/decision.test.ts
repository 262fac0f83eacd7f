import fc from 'fast-check'
import t from 'tap'
import { type Decision, later } from '../dist/decision.js'
import { ClientTable } from '../dist/memory/client-table.js'
import { Limiter } from '../dist/memory/limiter.js'
import { type Policies, type Policy, policyOf } from '../dist/policy.js'

/** To the thousandth of a millisecond. */
function rounded({ each, ...decision }: Decision): object {
  const numbers = Object.entries(decision).map(([name, value]) => {
    return [name, typeof value === 'number' ? Math.round(value * 1000) / 1000 : value]
  })
  return { ...Object.fromEntries(numbers), each: each?.map(rounded) }
}

const limit = fc.record({
  algorithm: fc.constantFrom('token-bucket' as const, 'fixed-window' as const),
  max: fc.integer({ min: 0, max: 8 }),
  timeWindow: fc.constantFrom(840, 8400)
})

t.test('what is decided some time later is known, if nothing is charged meanwhile', async (t) => {
  const trace = fc.record({
    limits: fc.array(limit, { minLength: 1, maxLength: 3 }),
    charged: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 6 }),
    cost: fc.integer({ min: 0, max: 9 }),
    elapsed: fc.integer({ min: 0, max: 9000 })
  })
  fc.assert(
    fc.property(trace, ({ limits, charged, cost, elapsed }) => {
      const policies = limits.map((limit, index) => policyOf(`${index}`, limit))
      const limiter = new Limiter(policies as [Policy, ...Policy[]], new ClientTable(8))
      charged.forEach((cost, at) => {
        limiter.check('a', cost, at)
      })
      const now = charged.length
      // Never at the very moment at which something comes back.
      const wait = elapsed + 0.5
      const known = later(limiter.peek('a', cost, now), wait, policies as [Policy, ...Policy[]])
      const decided = limiter.peek('a', cost, now + wait)
      t.strictSame(rounded(known), rounded(decided), JSON.stringify(limits))
    }),
    { numRuns: 300 }
  )
})

t.test(
  'of a sliding window it is known when it allows, and that no more is left than it holds',
  async () => {
    const policies: Policies = [
      policyOf('p', { max: 8, timeWindow: 840, algorithm: 'sliding-window' })
    ]
    fc.assert(
      fc.property(
        fc.array(fc.nat(400), { maxLength: 9 }),
        fc.integer({ min: 0, max: 8 }),
        fc.nat(2000),
        (waits, cost, elapsed) => {
          const limiter = new Limiter(policies, new ClientTable(8))
          let now = 0
          for (const wait of waits) {
            now += wait
            limiter.check('a', 1, now)
          }
          const known = later(limiter.peek('a', cost, now), elapsed + 0.5, policies)
          // Waits are rounded up to whole milliseconds: what is known may be late by less than one.
          const decided = limiter.peek('a', cost, now + elapsed + 0.5)
          const before = limiter.peek('a', cost, now + Math.max(0, elapsed - 0.5))
          return (
            (!known.allowed || decided.allowed) &&
            (known.allowed || !before.allowed) &&
            known.remaining <= 8 &&
            known.remaining >= 0
          )
        }
      )
    )
  }
)

t.test('what is left besides comes on top, up to all there is', async (t) => {
  const policies: Policies = [policyOf('p', { max: 10, timeWindow: 1000 })]
  const limiter = new Limiter(policies, new ClientTable(8))
  const decision = limiter.check('a', 6, 0)
  t.match(later(decision, 150, policies, 3), { remaining: 8, moreAfter: 50, resetAfter: 450 })
  t.match(later(decision, 450, policies, 3), { remaining: 10, moreAfter: 0, resetAfter: 150 })
})
