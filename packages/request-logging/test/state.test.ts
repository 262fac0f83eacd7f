/**
 * The totals of a registration: `state.ts`.
 */
import { statesOf } from '@holdfast/core'
import t from 'tap'
import { eventually } from '../../../test/support/http.ts'
import { loggedApp } from './support/log.ts'

t.test('each request is counted once, by what became of its line', async (t) => {
  const { app, log } = loggedApp({ sample: 0, slow: false, silent: '/silent' })
  for (const path of ['/sampled', '/silent']) app.get(path, async () => 'ok')
  app.get('/written', { config: { requestLogging: { sample: 1 } } }, async () => 'ok')
  app.get('/never', { config: { requestLogging: false } }, async () => 'ok')
  app.get(
    '/quiet',
    { logLevel: 'error', config: { requestLogging: { sample: 1 } } },
    async () => 'ok'
  )
  await app.ready()
  const state = () => statesOf(app, '@holdfast/request-logging')
  t.strictSame(state(), [
    { prefix: '', state: { written: 0, sampledOut: 0, silent: 0, failed: 0 } }
  ])
  for (const path of ['/sampled', '/sampled', '/silent', '/never', '/quiet', '/written']) {
    await app.inject(path)
  }
  await log.lines(1)
  t.strictSame(state(), [
    { prefix: '', state: { written: 1, sampledOut: 2, silent: 3, failed: 0 } }
  ])
  await app.close()
  t.strictSame(state(), [])
})

t.test('a line that the logger does not take has failed, also with its level', async (t) => {
  const broken = (): never => {
    throw new Error('disk full')
  }
  const methods = {
    trace: broken,
    debug: broken,
    info: broken,
    warn: broken,
    error: broken,
    fatal: broken
  }
  for (const logger of [methods, { ...methods, isLevelEnabled: broken }]) {
    const { app } = loggedApp({ logger })
    app.get('/', async (request) => {
      request.addLogFields({ user: 'ada' })
      return 'ok'
    })
    await app.inject('/')
    const state = () => statesOf(app, '@holdfast/request-logging')[0]?.state
    await eventually(() => state()?.failed === 1)
    t.strictSame(state(), { written: 0, sampledOut: 0, silent: 0, failed: 1 })
    await app.close()
  }
})
