/**
 * What is counted of the decisions: `decision-counter.ts` and `state.ts`. The other parts of a state are
 * tested where they are kept: the table in `memory/client-table.test.ts`, the store in
 * `shared/store-outage.test.ts`, compat's in `compat/plugin.test.ts`.
 */
import assert from 'node:assert/strict'
import { statesOf, subscribe } from '@holdfast/core'
import {
  type Decision,
  type DecisionReason,
  type LimitTotals,
  MemoryStore,
  type RateLimiter,
  type RateLimitOptions,
  rateLimit
} from '@holdfast/rate-limit'
import fc from 'fast-check'
import Fastify, { type FastifyInstance } from 'fastify'
import t from 'tap'
import { DecisionCounter } from '../dist/decision-counter.js'

const ok = () => 'ok'

function limitsOf(app: FastifyInstance): readonly LimitTotals[] {
  return statesOf(app, '@holdfast/rate-limit').flatMap(({ state }) => state.limits)
}

const RESULTS = {
  within: 'allowed',
  exceeded: 'denied',
  banned: 'banned',
  'allow-listed': 'allowListed',
  store: 'unanswered'
} as const satisfies Record<DecisionReason, string>

/** How often each result was met under each policy, as one flat record without those that were not. */
class Tally {
  readonly counts: Record<string, number> = {}

  add(mode: string, { policy, reason }: Pick<Decision, 'policy' | 'reason'>): void {
    const id = `${mode} ${policy} ${RESULTS[reason]}`
    this.counts[id] = (this.counts[id] ?? 0) + 1
  }
}

/** The totals of an app in the same form. */
function countsOf(app: FastifyInstance): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { mode, policies } of limitsOf(app)) {
    for (const totals of policies) {
      for (const result of Object.values(RESULTS)) {
        const id = `${mode} ${totals.policy} ${result}`
        if (totals[result] > 0) counts[id] = (counts[id] ?? 0) + totals[result]
      }
    }
  }
  return counts
}

const FREE = '192.0.2.1'
const addresses = ['198.51.100.1', '198.51.100.2', FREE]
const paths = ['/', '/own', '/grouped', '/shadow', '/several', '/hooked']
const step = fc.record({
  what: fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...paths) },
    fc.constantFrom('check', 'checkSync', 'reserve', 'cancel', 'peek', 'ban', 'away')
  ),
  address: fc.constantFrom(...addresses)
})
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never

/** A store that may be away. */
class MovingStore extends MemoryStore {
  isAway = false

  override async check(...args: Parameters<MemoryStore['check']>) {
    if (this.isAway) throw new Error('away')
    return super.check(...args)
  }

  override async reserve(...args: Parameters<MemoryStore['reserve']>) {
    if (this.isAway) throw new Error('away')
    return super.reserve(...args)
  }
}

/** Runs a trace. Returns what was decided, as everybody was told, and what was counted. */
async function run(trace: readonly Step[], options: RateLimitOptions, store?: MovingStore) {
  const told = new Tally()
  const app = Fastify()
  const timeWindow = '1 hour'
  await app.register(rateLimit, {
    ...{ max: 4, timeWindow, allowList: [FREE] },
    ...options,
    store
  })
  const grouped = { rateLimit: { groupId: 'group', max: 3 } }
  const policies = [
    { name: 'few', max: 2, timeWindow: '1 minute' },
    { name: 'costly', max: 5, timeWindow, cost: 2 }
  ]
  app.get('/', ok)
  app.get('/own', { config: { rateLimit: { max: 1, refundDenied: true } } }, ok)
  app.get('/grouped', { config: grouped }, ok)
  app.get('/shadow', { config: { rateLimit: { ...grouped.rateLimit, mode: 'shadow' } } }, ok)
  app.get('/several', { config: { rateLimit: { policies } } }, ok)
  app.get('/hooked', { preHandler: app.rateLimit({ max: 2 }) }, ok)
  const limiter = app.createRateLimiter({ max: 3 })
  const heard = ({ decision, mode }: { decision: Decision; mode: string }) =>
    told.add(mode, decision)
  const stops = [
    subscribe('holdfast:rate-limit:allowed', heard),
    subscribe('holdfast:rate-limit:denied', heard)
  ]
  app.addHook('onResponse', async (request) => {
    // Nothing is published about them.
    if (request.ip === FREE)
      for (const fact of allowListedOf(request.url)) told.add(fact.mode, fact)
  })
  for (const { what, address } of trace) {
    if (what === 'away') {
      if (store !== undefined) store.isAway = !store.isAway
    } else if (what === 'ban') await app.banClient(address, '1 hour').catch(() => {})
    else if (what.startsWith('/')) await app.inject({ url: what, remoteAddress: address })
    else await ask(limiter, what, address, store !== undefined, told)
  }
  const counted = countsOf(app)
  for (const stop of stops) stop()
  await app.close()
  return { told: told.counts, counted }
}

/** What clients on the allow list are told by the limits of a path. */
function allowListedOf(path: string) {
  const names: Record<string, string[]> = {
    '/': ['enforce default'],
    '/own': ['enforce GET /own'],
    '/grouped': ['enforce group'],
    '/shadow': ['shadow group'],
    '/several': ['enforce few'],
    '/hooked': ['enforce default', 'enforce rateLimit-1']
  }
  return (names[path] as string[]).map((name) => {
    const [mode, ...policy] = name.split(' ')
    return { mode: mode as string, policy: policy.join(' '), reason: 'allow-listed' as const }
  })
}

async function ask(
  limiter: RateLimiter,
  what: string,
  address: string,
  isShared: boolean,
  told: Tally
): Promise<void> {
  if (what === 'peek') await limiter.peek(address)
  else if (what === 'check') told.add('enforce', await limiter.check(address))
  else if (what === 'checkSync') {
    if (!isShared) told.add('enforce', limiter.checkSync(address))
  } else {
    const reservation = await limiter.reserve(address)
    told.add('enforce', reservation.decision)
    if (what === 'cancel') await reservation.cancel()
  }
}

const makeStore = () => new MovingStore()
for (const [where, options, store] of [
  ['in this process', {}],
  ['where denied requests count', { countDenied: true }],
  ['in a store, with a local share', { onStoreError: 'local' }, makeStore],
  ['in a store without which all are denied', { onStoreError: 'deny' }, makeStore],
  ['in a store without which all are allowed', { onStoreError: 'allow' }, makeStore],
  ['in a store that is asked in advance', { lease: { max: 3 } }, makeStore]
] satisfies [string, RateLimitOptions, (() => MovingStore)?][]) {
  t.test(`the totals are the decisions that were made ${where}`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), async (trace) => {
        const { told, counted } = await run(trace, options, store?.())
        assert.deepEqual(counted, told)
      }),
      { numRuns: 25 }
    )
  })
}

t.test('a state lists the limits of a registration, and what they are', async (t) => {
  const app = Fastify()
  await app.register(rateLimit, { max: 10, maxKeys: 100 })
  app.get('/own', { config: { rateLimit: { max: () => 5 } } }, ok)
  app.register(
    async (scope) => {
      await scope.register(rateLimit, { max: 3, timeWindow: '1s', mode: 'shadow' })
      scope.createRateLimiter({ max: 2 })
    },
    { prefix: '/admin' }
  )
  await app.ready()
  const none = { allowed: 0, denied: 0, banned: 0, allowListed: 0, unanswered: 0 }
  const minute = { timeWindow: 60_000, ...none }
  t.strictSame(statesOf(app, '@holdfast/rate-limit'), [
    {
      prefix: '',
      state: {
        limits: [
          {
            limit: 'default',
            mode: 'enforce',
            policies: [{ policy: 'default', max: 10, ...minute }]
          },
          {
            limit: 'GET /own',
            mode: 'enforce',
            policies: [{ policy: 'GET /own', max: undefined, ...minute }]
          }
        ],
        table: { keys: 0, maxKeys: 100, evictions: 0 },
        store: undefined
      }
    },
    {
      prefix: '/admin',
      state: {
        limits: [
          {
            limit: '/admin',
            mode: 'shadow',
            policies: [{ policy: '/admin', max: 3, timeWindow: 1000, ...none }]
          },
          {
            limit: 'createRateLimiter-1',
            mode: 'enforce',
            policies: [{ policy: 'createRateLimiter-1', max: 2, timeWindow: 1000, ...none }]
          }
        ],
        table: { keys: 0, maxKeys: 2 ** 20, evictions: 0 },
        store: undefined
      }
    }
  ])
  await app.inject('/own')
  t.match(statesOf(app, '@holdfast/rate-limit'), [{ state: { table: { keys: 1 } } }, {}])
  await app.close()
  t.strictSame(statesOf(app, '@holdfast/rate-limit'), [])
})

t.test('a group that is joined for every request is counted once', async (t) => {
  const app = Fastify()
  await app.register(rateLimit, { max: 10 })
  for (let index = 0; index < 5; index++) {
    app.createRateLimiter({ groupId: 'logins' }).checkSync('somebody')
  }
  t.match(limitsOf(app), [{}, { limit: 'logins', policies: [{ allowed: 5 }] }])
  t.equal(limitsOf(app).length, 2)
})

t.test(
  'a decision under a policy that the limit does not have counts under its first',
  async (t) => {
    const counter = new DecisionCounter('limit', 'enforce', [
      { name: 'first', max: 1, timeWindow: 1 },
      { name: 'second', max: 1, timeWindow: 1 }
    ])
    counter.count({ policy: 'second', allowed: true, reason: 'within' })
    counter.count({ policy: 'of the store', allowed: false, reason: 'exceeded' })
    t.match(counter.read().policies, [
      { policy: 'first', allowed: 0, denied: 1 },
      { policy: 'second', allowed: 1, denied: 0 }
    ])
  }
)

t.test('what was read does not change with what is counted later', async (t) => {
  const counter = new DecisionCounter('limit', 'enforce', [{ name: 'a', max: 1, timeWindow: 1 }])
  const before = counter.read()
  counter.count({ policy: 'a', allowed: true, reason: 'within' })
  t.match(before.policies, [{ allowed: 0 }])
  t.match(counter.read().policies, [{ allowed: 1 }])
})
