/**
 * The last lines (`edges/flush.ts`), pretty lines, and destinations that misbehave.
 */
import { Writable } from 'node:stream'
import { requestLogging } from '@holdfast/request-logging'
import { logController } from '@holdfast/request-logging/log-controller'
import Fastify from 'fastify'
import { pino } from 'pino'
import pretty from 'pino-pretty'
import t from 'tap'
import { head, listen, rawConnection } from '../../../test/support/http.ts'
import { flushed } from '../dist/edges/flush.js'
import { Log, loggedApp } from './support/log.ts'

t.test('closing waits until the logger has flushed, but not for ever', async (t) => {
  const written = new Log()
  const calls: string[] = []
  const logger = pino({}, written)
  const flushing = Object.assign(Object.create(logger) as typeof logger, {
    flush: (done: () => void) => {
      calls.push('flush')
      setTimeout(() => {
        calls.push('flushed')
        done()
      }, 20)
    }
  })
  const app = Fastify()
  app.register(requestLogging, { logger: flushing })
  app.get('/', async () => 'ok')
  await app.inject('/')
  await app.close()
  t.same(calls, ['flush', 'flushed'])
  t.equal(written.requests().length, 1)

  const { trace, debug, info, warn, error, fatal } = logger
  const plain = { trace, debug, info, warn, error, fatal }
  await flushed(plain)
  await flushed({ ...plain, flush: () => {} }, 5)
  await flushed({
    ...plain,
    flush: () => {
      throw new Error('destroyed')
    }
  })
})

t.test('an open request is written as cut when the service goes', async (t) => {
  const { app, log } = loggedApp({}, { forceCloseConnections: true })
  app.get('/waits', () => new Promise(() => {}))
  app.get('/streams', (_request, reply) => {
    reply.raw.writeHead(200).write('first')
  })
  const port = await listen(app)
  const waiting = await rawConnection(port)
  const streaming = await rawConnection(port)
  streaming.write(head('GET /streams'))
  await streaming.until(/first/)
  waiting.write(head('GET /waits'))
  await fetch(`http://127.0.0.1:${port}/nowhere`)
  await app.close()
  t.same(
    log
      .requests()
      .map(({ path, outcome, status }) => [path, outcome, status])
      .sort(),
    [
      ['/nowhere', 'client-error', 404],
      ['/streams', 'cut', 200],
      ['/waits', 'cut', undefined]
    ]
  )
})

t.test('a destination that stalls holds no request up', async (t) => {
  const stalled: (() => void)[] = []
  const stream = new Writable({
    write(_chunk, _encoding, done) {
      stalled.push(done)
    }
  })
  const app = Fastify({ logger: { stream }, logController: logController() })
  t.teardown(() => app.close())
  app.register(requestLogging)
  app.get('/', async () => 'ok')
  const port = await listen(app)
  for (let n = 0; n < 20; n++) {
    t.equal(await fetch(`http://127.0.0.1:${port}/`).then((answer) => answer.text()), 'ok')
  }
  t.equal(stalled.length, 1)
})

t.test('pino-pretty shows a line that can be read', async (t) => {
  let text = ''
  const destination = new Writable({
    write(chunk, _encoding, done) {
      text += chunk
      done()
    }
  })
  const stream = pretty({
    colorize: false,
    sync: true,
    hideObject: true,
    messageFormat: '{msg} {duration} ms {client}',
    ignore: 'pid,hostname',
    translateTime: 'HH:MM',
    destination
  })
  const app = Fastify({ logger: { stream }, logController: logController() })
  t.teardown(() => app.close())
  app.register(requestLogging)
  app.get('/orders/:id', async () => 'ok')
  await app.inject('/orders/7')
  t.match(text, /^\[\d\d:\d\d\] INFO: GET \/orders\/:id 200 [\d.]+ ms 127\.0\.0\.1\n$/)
})
