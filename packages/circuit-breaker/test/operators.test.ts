/**
 * What operators can do and see. Covers `operator-switch.ts`, `snapshot.ts` and
 * `channels.ts`.
 */
import type { BreakerRefusal, BreakerTransition } from '@holdfast/circuit-breaker'
import { subscribe } from '@holdfast/core'
import t from 'tap'
import { clocked, fail, RESET, succeed } from './support/clocked.ts'

t.test('an isolated breaker refuses everything until the last switch is released', async (t) => {
  const { breaker, pass } = clocked()
  const before = breaker.tryAcquire()
  const first = breaker.isolate()
  const second = breaker.isolate()
  t.equal(breaker.state, 'isolated')
  t.equal(breaker.tryAcquire(), null)
  t.equal(breaker.retryAfter, RESET, 'as good a guess as any')
  t.equal(breaker.idle, false)
  before?.failure()
  pass(60 * RESET)
  t.equal(breaker.state, 'isolated')
  first.release()
  first[Symbol.dispose]()
  t.equal(breaker.state, 'isolated', 'a switch counts once')
  second[Symbol.dispose]()
  t.match(breaker.snapshot(), { state: 'closed', ramp: 2, inFlight: 0 })
})

t.test('isolating an open breaker and releasing it closes it', async (t) => {
  const { breaker } = clocked({ threshold: 1, halfOpen: { ramp: 0 } })
  fail(breaker, 1)
  breaker.isolate().release()
  t.equal(breaker.state, 'closed')
  succeed(breaker, 1)
})

t.test('a breaker in shadow publishes what it would do, and refuses nothing', async (t) => {
  const { breaker, pass } = clocked({ threshold: 1, mode: 'shadow' })
  const changes: BreakerTransition[] = []
  const refusals: BreakerRefusal[] = []
  t.teardown(subscribe('holdfast:circuit-breaker:state', (change) => changes.push(change)))
  t.teardown(subscribe('holdfast:circuit-breaker:refused', (refusal) => refusals.push(refusal)))
  t.ok(breaker.isShadow)
  fail(breaker, 1)
  t.match(breaker.snapshot(), { state: 'open', shadow: true, retryAfter: 0 })
  t.equal(await breaker.execute(() => 'through'), 'through')
  fail(breaker, 1)
  t.equal(breaker.state, 'open')
  pass(RESET)
  const probe = breaker.tryAcquire()
  const other = breaker.tryAcquire()
  other?.failure()
  t.equal(breaker.state, 'half-open', 'what would have been refused decides nothing')
  probe?.success()
  t.strictSame(
    changes.map(({ from, to, shadow }) => [from, to, shadow]),
    [
      ['closed', 'open', true],
      ['open', 'half-open', true],
      ['half-open', 'closed', true]
    ]
  )
  t.match(refusals, [{ shadow: true, reason: 'state' }, { shadow: true }, { shadow: true }])
  t.equal(refusals.length, 3)
  t.equal(breaker.snapshot().inFlight, 0)

  const isolated = breaker.isolate()
  t.equal(breaker.tryAcquire(), null, 'an operator is obeyed in shadow, too')
  t.equal(breaker.retryAfter, RESET)
  isolated.release()
})

t.test('a breaker can be put in shadow and taken out of it while it runs', async (t) => {
  const { breaker } = clocked({ threshold: 1 })
  fail(breaker, 1)
  t.equal(breaker.tryAcquire(), null)
  const shadow = breaker.shadow()
  t.ok(breaker.tryAcquire())
  t.ok(breaker.isShadow)
  shadow.release()
  t.notOk(breaker.isShadow)
  t.equal(breaker.tryAcquire(), null)
})

t.test('a snapshot is plain data that says how it stands', async (t) => {
  const { breaker, pass } = clocked({ failureRate: 0.5, slowCall: { duration: '1s' } })
  fail(breaker, 2)
  succeed(breaker, 1)
  breaker.tryAcquire()
  pass(7)
  t.strictSame(JSON.parse(JSON.stringify(breaker.snapshot())), {
    name: 'test',
    state: 'closed',
    lasted: 7,
    shadow: false,
    failures: 0,
    window: { judged: 3, failures: 2, slow: 0, slowUnjudged: 0 },
    overdue: 0,
    inFlight: 1,
    abandoned: 0,
    fallbacks: 0,
    openings: 0,
    retryAfter: 0,
    changes: [],
    totals: {
      success: 1,
      failure: 2,
      excluded: 0,
      refusedByState: 0,
      refusedByConcurrency: 0,
      refusedInShadow: 0,
      opened: 0,
      halfOpened: 0,
      closed: 0,
      isolated: 0
    }
  })
  t.equal(clocked().breaker.snapshot().window, undefined)
  t.match(breaker.rules, { failureRate: 0.5, minimumCalls: 20, slowCall: { duration: 1000 } })
})

t.test('a listener that throws changes nothing', async (t) => {
  const warnings: string[] = []
  const listen = (warning: Error): void => void warnings.push(warning.message)
  process.on('warning', listen)
  t.teardown(() => process.off('warning', listen))
  for (const channel of [
    'holdfast:circuit-breaker:state',
    'holdfast:circuit-breaker:refused',
    'holdfast:circuit-breaker:call'
  ] as const) {
    const unsubscribe = subscribe(channel, () => {
      throw new Error('listener broke')
    })
    t.teardown(unsubscribe)
  }
  const { breaker, pass } = clocked({ threshold: 1 })
  await t.rejects(
    breaker.execute(() => Promise.reject(new Error('down'))),
    { message: 'down' }
  )
  await t.rejects(
    breaker.execute(() => 1),
    { code: 'HOLDFAST_ERR_CIRCUIT_BREAKER_OPEN' }
  )
  pass(RESET)
  t.equal(await breaker.execute(() => 'well'), 'well')
  t.match(breaker.snapshot(), { state: 'closed', inFlight: 0 })
  await new Promise(setImmediate)
  t.equal(warnings.length, 3)
})

t.test(
  'who makes calls by permits learns what a result means, and why it is refused',
  async (t) => {
    const { breaker } = clocked({
      threshold: 1,
      classify: ({ statusCode }) => (statusCode === 404 ? 'failure' : undefined)
    })
    t.equal(breaker.judge({ statusCode: 200 }), 'success')
    t.equal(breaker.judge({ statusCode: 404 }), 'failure')
    t.equal(breaker.judge({ statusCode: 501 }), 'excluded')
    t.equal(breaker.judge({ error: new Error('reset') }), 'failure')
    t.equal(breaker.judge({ error: breaker.refusal() }), 'excluded')
    breaker.tryAcquire()?.failure()
    t.equal(breaker.tryAcquire(), null)
    t.match(breaker.refusal(), { code: 'HOLDFAST_ERR_CIRCUIT_BREAKER_OPEN', statusCode: 503 })
  }
)
