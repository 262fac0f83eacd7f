import { circuitBreaker } from '@holdfast/circuit-breaker'
import Fastify from 'fastify'
import t from 'tap'
import { enclosingPermitOf } from '../../dist/calls/enclosing-permits.js'
import { clocked, fail, RESET } from '../support/clocked.ts'

const soon = (): Promise<void> => new Promise(setImmediate)

t.test('a probe may call through its own breaker', async (t) => {
  const { breaker, pass } = clocked({ threshold: 1, halfOpen: { ramp: 0 } })
  fail(breaker, 1)
  pass(RESET)
  const answer = await breaker.execute(async () => {
    await soon()
    t.equal(breaker.state, 'half-open')
    return breaker.execute(() => breaker.execute(() => 'inner', { timeout: '1s' }))
  })
  t.equal(answer, 'inner')
  t.match(breaker.snapshot(), { state: 'closed', inFlight: 0, totals: { success: 3, failure: 1 } })
  t.equal(
    enclosingPermitOf(breaker, () => true),
    undefined
  )
})

t.test('only calls within the probe take part in it', async (t) => {
  const { breaker, pass } = clocked({ threshold: 1, halfOpen: { ramp: 0 } })
  fail(breaker, 1)
  pass(RESET)
  const probe = breaker.tryAcquire()
  await t.rejects(
    breaker.execute(() => 1),
    { code: 'HOLDFAST_ERR_CIRCUIT_BREAKER_OPEN' }
  )
  const inner = probe?.run(() => breaker.tryAcquire())
  inner?.answered()
  inner?.success()
  t.equal(breaker.state, 'half-open', 'a success within it decides nothing')
  probe?.run(() => breaker.tryAcquire())?.exclude()
  t.equal(breaker.state, 'half-open')
  probe?.answered()
  probe?.success()
  t.equal(breaker.state, 'closed')
  t.equal(
    probe?.run(() => 'afterwards'),
    'afterwards'
  )
})

t.test('a failure within a probe is the failure of the probe', async (t) => {
  const { breaker, pass } = clocked({ threshold: 1 })
  fail(breaker, 1)
  pass(RESET)
  const answer = await breaker.execute(() =>
    breaker.execute(() => Promise.reject(new Error('down')), { fallback: () => 'a guess' })
  )
  t.equal(answer, 'a guess')
  t.match(breaker.snapshot(), { state: 'open', openings: 2, totals: { success: 0, failure: 3 } })
})

t.test('a permit of an earlier generation takes nobody in', async (t) => {
  const { breaker, pass } = clocked({ threshold: 1, halfOpen: { permits: 1 } })
  fail(breaker, 1)
  pass(RESET)
  const lost = breaker.tryAcquire()
  pass(RESET)
  t.equal(breaker.state, 'open', 'the probe was lost')
  pass(2 * RESET)
  const probe = breaker.tryAcquire()
  t.not(probe, null)
  t.equal(
    lost?.run(() => breaker.tryAcquire()),
    null
  )
  lost?.success()
  probe?.success()
  t.equal(breaker.state, 'closed')
})

t.test('on the ramp, too, a call and the calls within it are one', async (t) => {
  const { breaker, pass } = clocked({ threshold: 1 })
  const other = clocked({ threshold: 1 })
  fail(breaker, 1)
  fail(other.breaker, 1)
  pass(RESET)
  other.pass(RESET)
  await breaker.execute(() => 1)
  await other.breaker.execute(() => 1)
  t.equal(breaker.snapshot().ramp, 2)
  const nested = (): Promise<number> =>
    breaker.execute(() =>
      other.breaker.execute(() => breaker.execute(() => other.breaker.execute(() => 1)))
    )
  t.equal(await nested(), 1)
  t.equal(await nested(), 1)
  await t.rejects(nested(), { code: 'HOLDFAST_ERR_CIRCUIT_BREAKER_OPEN' })
})

t.test('a closed breaker counts a call within a call by itself', async (t) => {
  const { breaker } = clocked({ failureRate: 0.5 })
  t.equal(await breaker.execute(() => breaker.execute(() => 1)), 1)
  t.equal(breaker.snapshot().window?.judged, 2)
})

t.test('a route and a call in its handler may share a breaker', async (t) => {
  let now = 0
  let isBroken = true
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(circuitBreaker, { threshold: 1, clock: () => now, random: () => 1 })
  const call = async (): Promise<string> => {
    await soon()
    if (isBroken) throw new Error('down')
    return 'fine'
  }
  app.get('/', { config: { circuitBreaker: 'bank' } }, () =>
    app.circuitBreaker('bank').execute(call)
  )
  t.equal((await app.inject('/')).statusCode, 500)
  t.equal((await app.inject('/')).statusCode, 503)
  now += 10_000
  t.equal((await app.inject('/')).statusCode, 500, 'a probe that failed')
  t.equal((await app.inject('/')).statusCode, 503)
  isBroken = false
  now += 20_000
  t.equal((await app.inject('/')).payload, 'fine')
  t.equal(app.circuitBreaker('bank').state, 'closed')
})
