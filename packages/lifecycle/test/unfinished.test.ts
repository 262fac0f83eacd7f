/**
 * What did not finish in time, as the log names it: bounded, and without secrets. Covers
 * `edges/cut-request.ts`.
 */
import { guardedLog, monotonicClock } from '@holdfast/core'
import { type CutRequest, lifecycle } from '@holdfast/lifecycle'
import Fastify from 'fastify'
import t from 'tap'
import { eventually, head, listen, rawConnection } from '../../../test/support/http.ts'
import { Service } from '../dist/edges/service.js'
import { Phases } from '../dist/phases.js'
import { fittingOneLine } from '../dist/unfinished.js'

t.test('a line holds what fits into it', (t) => {
  const items = Array.from({ length: 1000 }, (_, age) => ({ age, path: 'x'.repeat(1000) }))
  const fitting = fittingOneLine(items)
  t.ok(JSON.stringify(fitting).length <= 65_536 + 100)
  t.equal(fitting.length, 64)
  t.same(fitting, items.slice(0, 64))
  t.same(fittingOneLine(items.slice(0, 3)), items.slice(0, 3))
  t.end()
})

t.test('where nothing is left there is nothing to cut, and no line', async (t) => {
  const lines: string[] = []
  const app = Fastify({ logger: { stream: { write: (line: string) => void lines.push(line) } } })
  const phases = new Phases(monotonicClock, () => {})
  const log = guardedLog(app.log)
  const service = new Service(app, log, new AbortController(), phases, monotonicClock)
  t.same(service.cut(), { requests: 0, tasks: [] })
  t.same(lines, [])
  await app.close()
})

t.test('300 requests with long paths and secrets make one line, bounded and clean', async (t) => {
  const lines: string[] = []
  const app = Fastify({
    logger: { level: 'error', stream: { write: (line: string) => void lines.push(line) } },
    // Whatever it returns, it is a line.
    genReqId: ({ headers }) => (headers['x-id'] === 'none' ? Object.create(null) : headers['x-id']),
    requestIdHeader: false,
    useSemicolonDelimiter: true,
    // Answers nobody whose address is none.
    frameworkErrors: () => {}
  })
  app.register(lifecycle, {
    drainDelay: 0,
    finishTimeout: 100,
    closeTimeout: '2s',
    signals: false,
    timeouts: false
  })
  app.get('/*', (_request, reply) => {
    reply.hijack()
  })
  const port = await listen(app)
  const connections = await Promise.all(
    Array.from({ length: 300 }, async (_, index) => {
      const connection = await rawConnection(port)
      const origin = index % 2 === 0 ? '' : 'http://user:SECRET@host'
      const path = `/hang/${'x'.repeat(10_000)};token=SECRET?q=SECRET#SECRET`
      connection.write(head(`GET ${origin}${path}`, { 'x-id': index < 2 ? 'none' : 'one\ttwo' }))
      return connection
    })
  )
  await eventually(() => app.lifecycle.inFlight === 300)
  t.match(await app.lifecycle.shutdown('test', { exit: false }), { cut: 300 })
  for (const connection of connections) connection.destroy()
  const [line = ''] = lines.filter((text) => text.includes('not finished in time'))
  t.ok(line.length < 70_000, `${line.length} characters`)
  t.notMatch(line, /SECRET/)
  const { msg, unfinished } = JSON.parse(line)
  t.equal(
    msg,
    `not finished in time: 300 requests, which are cut, and 0 tasks; the first ${unfinished.length} are named`
  )
  const routed = unfinished.filter(({ route }: CutRequest) => route !== undefined)
  const lost = unfinished.filter(({ route }: CutRequest) => route === undefined)
  t.match(lost[0], { method: 'GET', path: /^\/hang\/x+…$/ })
  t.ok(routed.some(({ id }: CutRequest) => id === 'an id that cannot be shown'))
  t.match(routed.at(-1), { id: 'one\ufffdtwo', method: 'GET', route: '/*', path: /^\/hang\/x+…$/ })
})
