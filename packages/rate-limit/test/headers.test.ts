import fc from 'fast-check'
import { parseList } from 'structured-headers'
import t from 'tap'
import { type Fields, fieldWriter, type HeaderStyle, writeDenialFields } from '../dist/headers.js'
import { ClientTable } from '../dist/memory/client-table.js'
import { Limiter } from '../dist/memory/limiter.js'
import { type Limit, type Policies, policyOf } from '../dist/policy.js'

function fieldsOf(style: HeaderStyle, limit: Limit, costs: number[], time = 0): Fields {
  return written(style, [policyOf('default', limit)], costs, time)
}

/** What a client is told whose requests took these costs, the last of them at that time. */
function written(style: HeaderStyle, policies: Policies, costs: number[], time = 0) {
  const limiter = new Limiter(policies, new ClientTable(8))
  const last = costs.at(-1) ?? 0
  for (const cost of costs.slice(0, -1)) limiter.check('key', cost, 0)
  const fields: Fields = {}
  const decision = limiter.check('key', last, time)
  fieldWriter(style, policies)(fields, decision)
  if (!decision.allowed) writeDenialFields(fields, decision)
  return fields
}

const tenPerMinute: Limit = { max: 10, timeWindow: 60_000 }

t.test('the draft fields tell the limit, what is left, and when there is more', async (t) => {
  const policy = '"default";q=10;w=60'
  t.strictSame(fieldsOf('draft', tenPerMinute, [1]), {
    'ratelimit-policy': policy,
    ratelimit: '"default";r=9;t=6'
  })
  t.strictSame(fieldsOf('draft', tenPerMinute, [1, 1], 2500), {
    'ratelimit-policy': policy,
    ratelimit: '"default";r=8;t=4'
  })
  t.strictSame(fieldsOf('draft', tenPerMinute, [9, 1]), {
    'ratelimit-policy': policy,
    ratelimit: '"default";r=0;t=6'
  })
  t.match(
    fieldsOf('draft', { ...tenPerMinute, algorithm: 'fixed-window' }, [4, 1], 20_500),
    { ratelimit: '"default";r=5;t=40' },
    'the end of the window'
  )
})

t.test('a window that is no whole number of seconds is left out', async (t) => {
  t.match(fieldsOf('draft', { max: 2, timeWindow: 1500 }, [1]), {
    'ratelimit-policy': '"default";q=2'
  })
})

t.test('a burst above max is not promised', async (t) => {
  t.match(fieldsOf('draft', { ...tenPerMinute, burst: 50 }, [1]), { ratelimit: /^"default";r=10;/ })
})

t.test('where nothing is ever allowed there is no time to wait for', async (t) => {
  t.strictSame(fieldsOf('draft', { max: 0, timeWindow: 60_000 }, [1]), {
    'ratelimit-policy': '"default";q=0;w=60',
    ratelimit: '"default";r=0',
    'cache-control': 'no-store'
  })
})

t.test('the legacy fields tell the limit, what is left, and when all is back', async (t) => {
  t.strictSame(fieldsOf('legacy', tenPerMinute, [1, 1], 2500), {
    'x-ratelimit-limit': '10',
    'x-ratelimit-remaining': '8',
    'x-ratelimit-reset': '10'
  })
})

t.test('no fields when none are wanted', async (t) => {
  t.strictSame(fieldsOf(false, tenPerMinute, [1]), {})
})

t.test('several policies are listed, each with what is left of it', async (t) => {
  const policies: Policies = [
    policyOf('second', { max: 5, timeWindow: 1000 }),
    policyOf('day', tenPerMinute)
  ]
  t.strictSame(written('draft', policies, [1]), {
    'ratelimit-policy': '"second";q=5;w=1, "day";q=10;w=60',
    ratelimit: '"second";r=4;t=1, "day";r=9;t=6'
  })
})

t.test('a denial is not stored, and says when to come back: at least a second', async (t) => {
  t.match(fieldsOf('draft', tenPerMinute, [10, 1]), {
    'cache-control': 'no-store',
    'retry-after': '6'
  })
  t.match(fieldsOf(false, tenPerMinute, [10, 1], 4800), { 'retry-after': '2' })
  t.match(fieldsOf(false, { max: 100, timeWindow: 1000, burst: 1 }, [1, 1]), { 'retry-after': '1' })
})

t.test('whatever the limit and its name, the fields are structured and agree', async (t) => {
  const names = fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 20 })
  const limits = fc.record({
    max: fc.oneof(fc.nat({ max: 50 }), fc.constant(999_999_999_999_999)),
    timeWindow: fc.oneof(fc.integer({ min: 1, max: 100_000 }), fc.constant(31_536_000_000)),
    algorithm: fc.constantFrom('token-bucket', 'sliding-window', 'fixed-window' as const)
  })
  fc.assert(
    fc.property(
      fc.array(fc.tuple(names, limits), { minLength: 1, maxLength: 3 }),
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
      fc.nat({ max: 5000 }),
      (stated, costs, time) => {
        const policies = stated.map(([name, limit]) => policyOf(name, limit)) as unknown as Policies
        const fields = written('draft', policies, costs, time)
        const limitsSaid = parseList(String(fields['ratelimit-policy']))
        const standing = parseList(String(fields['ratelimit']))
        if (limitsSaid.length !== policies.length || standing.length !== policies.length)
          return false
        return policies.every(({ name, max, timeWindow }, index) => {
          const [policy, terms] = limitsSaid[index] as [string, Map<string, number>]
          const [same, left] = standing[index] as [string, Map<string, number>]
          if (policy !== name || same !== name) return false
          if (terms.get('q') !== max) return false
          if ((terms.get('w') ?? timeWindow / 1000) !== timeWindow / 1000) return false
          const r = left.get('r') as number
          const retry = fields['retry-after']
          if (!Number.isInteger(r) || r < 0 || r > max) return false
          return policies.length > 1 || retry === undefined || Number(retry) >= (left.get('t') ?? 0)
        })
      }
    )
  )
  t.pass()
})
