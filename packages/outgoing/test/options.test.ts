/**
 * What is wrong with the options stops the boot. Covers `edges/upstreams.ts`, `edges/breaker-seam.ts`
 * and `errors.ts`, too.
 */
import { circuitBreaker } from '@holdfast/circuit-breaker'
import { statesOf } from '@holdfast/core'
import { type OutgoingOptions, outgoing, type UpstreamOptions } from '@holdfast/outgoing'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { NOBODY } from '../dist/caller.js'
import { breakerOf } from '../dist/edges/breaker-seam.js'
import { Upstreams } from '../dist/edges/upstreams.js'
import { resolveOutgoingOptions } from '../dist/options.js'

const origin = 'http://payments.test'

async function appWith(t: Test, options: OutgoingOptions = {}): Promise<FastifyInstance> {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(outgoing, options)
  return app
}

/** Options as they may come from JavaScript. */
const wrong = <Options>(options: object): Options => options as Options

t.test('an impossible option of the plugin stops the boot, and is named', async (t) => {
  const cases: readonly (readonly [object, RegExp])[] = [
    [{ timeout: 0 }, /outgoing\.timeout.*duration/],
    [{ timeout: true }, /outgoing\.timeout/],
    [{ tryTimeout: 'soon' }, /outgoing\.tryTimeout.*soon/],
    [{ retries: -1 }, /outgoing\.retries.*-1/],
    [{ retries: 11 }, /outgoing\.retries.*11/],
    [{ retries: Number.POSITIVE_INFINITY }, /outgoing\.retries/],
    [{ budget: { ratio: 2 } }, /outgoing\.budget\.ratio.*2/],
    [{ budget: { minimum: -1 } }, /outgoing\.budget\.minimum.*-1/],
    [{ budget: 0.2 }, /outgoing\.budget/],
    [{ hedge: {} }, /outgoing\.hedge\.after.*missing/],
    [{ hedge: { after: 0 } }, /outgoing\.hedge\.after/],
    [{ hedge: { after: 'p99' } }, /outgoing\.hedge\.after.*p99/],
    [{ hedge: true }, /outgoing\.hedge/],
    [{ timeout: Number.NaN }, /outgoing\.timeout/],
    [{ tryTimeout: false }, /outgoing\.tryTimeout.*false/],
    [{ retries: 1.5 }, /outgoing\.retries.*1\.5/],
    [{ budget: { ratio: Number.NaN } }, /outgoing\.budget\.ratio/],
    [{ budget: { max: 1 } }, /outgoing\.budget.*max/],
    [{ deadline: { header: '' } }, /outgoing\.deadline\.header/],
    [{ deadline: { header: [] } }, /outgoing\.deadline\.header.*empty/],
    [{ trace: 'yes' }, /outgoing\.trace.*yes/],
    [{ context: 'implicit' }, /outgoing\.context.*implicit/],
    [{ origin }, /outgoing.*origin/],
    [{ retrys: 2 }, /outgoing.*retrys.*retries/]
  ]
  for (const [options, message] of cases) {
    const boot = appWith(t, wrong(options))
    await t.rejects(boot, { code: /^HOLDFAST_ERR_OPTION_/, message }, JSON.stringify(options))
  }
})

t.test('an impossible option of an upstream throws where it is declared', async (t) => {
  const app = await appWith(t)
  const cases: readonly (readonly [object, RegExp])[] = [
    [{}, /upstream\("payments"\)\.origin/],
    [{ origin: 'payments' }, /upstream\("payments"\)\.origin.*payments/],
    [{ origin: 'https://payments.test/v1' }, /upstream\("payments"\)\.origin.*v1/],
    [{ origin: 'https://me:secret@payments.test' }, /upstream\("payments"\)\.origin/],
    [{ origin: 'ftp://payments.test' }, /upstream\("payments"\)\.origin.*ftp/],
    [{ origin, maxConcurrent: 1.5 }, /upstream\("payments"\)\.maxConcurrent.*1\.5/],
    [{ origin, context: 'explicit' }, /upstream\("payments"\).*context/],
    [{ origin, deadline: { trust: true } }, /upstream\("payments"\)\.deadline.*trust/],
    [{ origin, breaker: 'yes' }, /upstream\("payments"\)\.breaker/],
    [{ origin, maxConcurrent: 0 }, /upstream\("payments"\)\.maxConcurrent.*0/],
    [{ origin, dispatcher: 'agent' }, /upstream\("payments"\)\.dispatcher.*agent/],
    [{ origin, timeOut: '1s' }, /upstream\("payments"\).*timeOut.*timeout/]
  ]
  for (const [options, message] of cases) {
    const declare = (): unknown => app.upstream('payments', wrong<UpstreamOptions>(options))
    t.throws(declare, { code: /^HOLDFAST_ERR_OPTION_/, message })
  }
  t.throws(() => app.upstream('', { origin, breaker: false }), {
    code: 'HOLDFAST_ERR_OPTION_INVALID'
  })
})

t.test(
  'a breaker needs the plugin that has breakers, which may come later than this one',
  async (t) => {
    const app = await appWith(t)
    t.throws(() => app.upstream('payments', { origin }), {
      code: 'HOLDFAST_ERR_OUTGOING_NO_BREAKERS',
      message: /Register it before.*breaker: false/
    })
    await app.register(circuitBreaker, {})
    app.upstream('payments', { origin, breaker: { threshold: 3 } })
    t.equal(app.circuitBreaker('payments').rules.threshold, 3)
  }
)

t.test('a breaker of that name with other options is an error', async (t) => {
  const app = await appWith(t)
  await app.register(circuitBreaker, {})
  app.circuitBreaker('payments', { threshold: 7 })
  t.throws(() => app.upstream('payments', { origin, breaker: { threshold: 3 } }), {
    code: 'HOLDFAST_ERR_CIRCUIT_BREAKER_CONFLICT'
  })
})

t.test('one name has one set of options', async (t) => {
  const app = await appWith(t, { timeout: '5s' })
  await app.register(circuitBreaker, {})
  const options = { origin, breaker: false, tryTimeout: '1s', dispatcher: { dispatch: () => true } }
  const upstream = app.upstream('payments', options)
  t.equal(app.upstream('payments'), upstream)
  t.equal(app.upstream('payments', { ...options, timeout: 5000 }), upstream, 'said in other words')
  t.equal(upstream.name, 'payments')
  t.equal(upstream.origin, origin)
  t.throws(() => app.upstream('payments', { ...options, timeout: false }), {
    code: 'HOLDFAST_ERR_OUTGOING_CONFLICT',
    message: /timeout: 5000/
  })
  const ordersWith = () =>
    app.upstream('orders', { origin, breaker: { classify: () => undefined } })
  t.equal(ordersWith(), ordersWith(), 'any two functions are the same')
  t.throws(() => app.upstream('refunds'), {
    code: 'HOLDFAST_ERR_OUTGOING_UNKNOWN',
    message: /app\.upstream\("refunds", \{ origin \}\)/
  })
})

t.test('the state of an app has its upstreams', async (t) => {
  const app = await appWith(t)
  app.upstream('payments', { origin, breaker: false })
  const [{ state } = { state: undefined }] = statesOf(app, '@holdfast/outgoing')
  t.match(state, { upstreams: [{ name: 'payments', origin, calls: 0, budgetLeft: 10 }] })
  t.strictSame(JSON.parse(JSON.stringify(state)), state)
})

t.test('without a breaker, tries are judged as a breaker would', async (t) => {
  const breaker = breakerOf({}, 'payments', false)
  const outcomes = [200, 500, 501, 505].map((statusCode) => breaker.judge({ statusCode }))
  t.strictSame(outcomes, ['success', 'failure', 'excluded', 'excluded'])
  t.equal(breaker.judge({ error: new Error('reset') }), 'failure')
})

t.test("a request that names no origin is no upstream's, whichever there are", async (t) => {
  const upstreams = new Upstreams({}, resolveOutgoingOptions({}).calls, () => NOBODY)
  upstreams.open('payments', { origin, breaker: false })
  t.equal(upstreams.targetOf(undefined), undefined)
  t.equal(upstreams.targetOf(origin)?.name, 'payments')
})
