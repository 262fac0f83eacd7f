import Fastify from 'fastify'
import { serverOptions } from 'holdfast'
import t from 'tap'
import { request } from 'undici'
import { listen } from '../../../test/support/http.ts'
import { quietLogging } from '../dist/server-options.js'

t.test('serverOptions sets the timeouts, and leaves the request lines to the suite', async (t) => {
  const lines: string[] = []
  const stream = { write: (line: string) => void lines.push(line) }
  const app = Fastify(serverOptions({ timeouts: { request: '3s' }, logger: { stream } }))
  t.teardown(() => app.close())
  app.get('/', async () => 'ok')
  const port = await listen(app)
  await (await request(`http://127.0.0.1:${port}/`)).body.dump()
  t.equal(app.server.requestTimeout, 3000)
  t.equal(lines.filter((line) => line.includes('req')).length, 0)
})

t.test('serverOptions logs by default', async (t) => {
  t.equal(serverOptions().logger, true)
  t.equal(serverOptions({ logger: false }).logger, false)
})

t.test('serverOptions takes a logger that exists already, but not two', async (t) => {
  const lines: string[] = []
  const loggerInstance = Fastify({
    logger: { stream: { write: (line) => void lines.push(line) } }
  }).log
  const app = Fastify(serverOptions({ loggerInstance, timeouts: { request: '3s' } }))
  t.teardown(() => app.close())
  app.get('/', async () => 'ok')
  await app.inject('/')
  app.log.info('mine')
  t.equal(lines.length, 1)
  t.match(lines[0], 'mine')
  t.throws(() => serverOptions({ logger: true, loggerInstance } as object), {
    message: /serverOptions\.logger.*left out.*true/
  })
})

t.test('before Fastify 5.10 the request lines are switched off another way', async (t) => {
  t.same(quietLogging(undefined), { disableRequestLogging: true })
})

t.test('a wrong setting is named', async (t) => {
  // @ts-expect-error the wrong setting
  t.throws(() => serverOptions({ timeout: '5s' }), { message: /serverOptions.*"timeout"/ })
  t.throws(() => serverOptions(JSON.parse('{"prefix":""}')), { message: /"prefix" does not exist/ })
  // @ts-expect-error the wrong setting
  t.throws(() => serverOptions({ logger: 'yes' }), { message: /serverOptions\.logger.*"yes"/ })
  t.throws(() => serverOptions({ timeouts: { handler: 'long' } }), {
    message: /serverTimeouts\.handler.*long/
  })
})
