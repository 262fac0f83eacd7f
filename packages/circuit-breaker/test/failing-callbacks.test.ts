/**
 * What goes wrong in a callback or a logger of the user's ends neither a call nor the process.
 */
import { CircuitBreaker, type Classify, circuitBreaker } from '@holdfast/circuit-breaker'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { eventually } from '../../../test/support/http.ts'
import { clocked, fail, RESET } from './support/clocked.ts'
import { warningsOf } from './support/warnings.ts'

/** A callback that JavaScript users may write where the types ask for another one. */
function untyped<Wanted>(callback: (...given: never[]) => unknown): Wanted {
  return callback as Wanted
}

const rejects = async (): Promise<never> => {
  throw new Error('rejected')
}
const throws = (): never => {
  throw new Error('thrown')
}

/** Fails the test when a promise rejects and nobody has caught it. */
function noRejections(t: Test): void {
  const seen = (error: unknown): void => void t.fail('an unhandled rejection', { error })
  process.on('unhandledRejection', seen)
  t.teardown(async () => {
    await new Promise(setImmediate)
    process.off('unhandledRejection', seen)
  })
}

t.test('an async classify that rejects is reported, and the default holds', async (t) => {
  noRejections(t)
  const warnings = warningsOf(t)
  const { breaker } = clocked({ threshold: 1, classify: untyped(rejects) })
  t.equal(await breaker.execute(() => 'fine'), 'fine')
  t.equal(breaker.state, 'closed')
  await t.rejects(
    breaker.execute(() => Promise.reject(new Error('down'))),
    { message: 'down' }
  )
  t.equal(breaker.state, 'open')
  await eventually(() => warnings.length > 0)
  t.match(warnings, [{ message: /option classify of the circuit breaker "test".*a promise/s }])
})

t.test('a route with such a classify answers, and counts by the default', async (t) => {
  noRejections(t)
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(circuitBreaker, { threshold: 1, classify: untyped<Classify>(rejects) })
  app.get('/', { config: { circuitBreaker: true } }, (_request, reply) => reply.code(500).send('x'))
  t.equal((await app.inject('/')).statusCode, 500)
  t.equal((await app.inject('/')).statusCode, 503)
})

t.test('a question that is answered by a promise is answered with no', async (t) => {
  noRejections(t)
  const { breaker, pass } = clocked({ threshold: 1 })
  fail(breaker, 1)
  pass(RESET)
  breaker.tryAcquire(untyped(rejects))
  pass(RESET)
  t.match(breaker.snapshot(), { state: 'open', openings: 2 })
})

t.test('a source of randomness that fails is replaced', async (t) => {
  noRejections(t)
  for (const random of [throws, rejects, () => Number.NaN, () => 2, () => 'text']) {
    const { breaker, pass } = clocked({ threshold: 1, random: untyped(random) })
    await t.rejects(
      breaker.execute(() => Promise.reject(new Error('down'))),
      { message: 'down' }
    )
    t.ok(breaker.retryAfter >= RESET / 2 && breaker.retryAfter <= RESET)
    pass(RESET)
    t.equal(breaker.state, 'half-open')
  }
})

t.test('a clock that fails stands still', async (t) => {
  noRejections(t)
  for (const clock of [throws, rejects, () => Number.NaN]) {
    const breaker = new CircuitBreaker({ threshold: 1, clock: untyped(clock) })
    fail(breaker, 1)
    t.equal(breaker.state, 'open')
  }
  let isBroken = false
  const breaker = new CircuitBreaker({
    threshold: 1,
    random: () => 1,
    clock: () => (isBroken ? throws() : 1000)
  })
  fail(breaker, 1)
  isBroken = true
  t.equal(breaker.retryAfter, RESET)
})

t.test('a logger that throws or rejects keeps no breaker from working', async (t) => {
  noRejections(t)
  const warnings = warningsOf(t)
  for (const broken of [throws, rejects]) {
    const loggerInstance = { level: 'info', child: () => loggerInstance } as never
    for (const level of ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']) {
      Object.assign(loggerInstance, { [level]: () => {} })
    }
    const app = Fastify({ loggerInstance, disableRequestLogging: true })
    t.teardown(() => app.close())
    app.get('/early', { config: { circuitBreaker: 'early' } }, () => 'fine')
    app.get('/wrong', { config: { circuitBreaker: { threshold: -1 } } }, () => 'fine')
    app.register(circuitBreaker, { threshold: 1, maxBreakers: 2 })
    await app.ready()
    Object.assign(app.log, { info: broken, warn: broken, error: broken })
    t.equal((await app.inject('/early')).statusCode, 200)
    t.equal((await app.inject('/wrong')).statusCode, 200)
    fail(app.circuitBreaker('early'), 1)
    t.equal(app.circuitBreaker('early').state, 'open')
    t.equal(await app.circuitBreaker('no room').execute(() => 1), 1)
  }
  const told = (): Error[] => warnings.filter(({ message }) => message.includes('the logger'))
  await eventually(() => told().length > 1)
  t.match(told(), [{ message: /thrown/ }, { message: /rejected/ }])
})
