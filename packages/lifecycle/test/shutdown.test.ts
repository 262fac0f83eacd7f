/**
 * Real processes, real signals, real sockets: `edges/shutdown.ts`, `edges/signals.ts`, `edges/exit.ts`
 * and `edges/cut-request.ts`.
 */
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { head, rawConnection } from '../../../test/support/http.ts'
import { startNode } from '../../../test/support/process.ts'
import { ended, reportOf, secondsSince, start, startService } from './fixtures/running-service.ts'

// They wait more than they work.
t.jobs = 4
t.setTimeout(120_000)

t.test(
  'a request in flight on a keep-alive connection is answered, then the process exits',
  async (t) => {
    const service = await startService(t, { drainDelay: 0 })
    const connection = await service.get('/work/500')
    await service.printed(/working/)
    const start = performance.now()
    service.signal('SIGTERM')
    t.equal(await ended(service), 0)
    t.ok(secondsSince(start) < 4, 'as soon as it is done')
    t.match(connection.received(), /200 OK[\s\S]*connection: close[\s\S]*worked/i)
    t.match(service.output(), /resources closed/)
    t.match(reportOf(service), { reason: 'SIGTERM', finished: 1, cut: 0, problems: [] })
  }
)

t.test('everything is served during the drain delay, and every answer says goodbye', async (t) => {
  const service = await startService(t, { drainDelay: '1s' })
  const early = await service.get('/')
  await early.until(/hello/)
  t.match(early.received(), /keep-alive/i)
  const ready = await service.get('/readyz')
  t.match(await ready.until(/ready$/), /200 OK/)

  service.signal('SIGTERM')
  await service.printed(/shutting down/)
  early.write(head('GET /'))
  t.match(await early.ended(), /connection: close/i)
  t.match(await (await service.get('/')).ended(), /200 OK[\s\S]*connection: close/i)
  t.match(
    await (await service.get('/readyz')).ended(),
    /503[\s\S]*connection: close[\s\S]*draining/i
  )
  t.match(await (await service.get('/livez')).ended(), /200 OK[\s\S]*ok/)
  t.equal(await ended(service), 0)
  t.match(reportOf(service), { finished: 4, cut: 0 })
})

t.test('idle, silent and half-sent connections delay nothing', async (t) => {
  const service = await startService(t, { drainDelay: 0 })
  const idle = await service.get('/')
  await idle.until(/hello/)
  await service.connect()
  const half = await service.connect()
  half.write('GET / HTTP/1.1\r\nHost: loc')
  const start = performance.now()
  service.signal('SIGTERM')
  t.equal(await ended(service), 0)
  t.ok(secondsSince(start) < 4)
})

t.test('what overruns the deadline is named and cut', async (t) => {
  const service = await startService(t, { drainDelay: 0, finishTimeout: '1s' })
  const hanging = await service.get('/hang?token=secret')
  await service.printed(/hanging/)
  service.signal('SIGTERM')
  t.equal(await ended(service), 1)
  t.equal(await hanging.ended(), '')
  const unfinished = service.lines().find(({ unfinished }) => unfinished !== undefined)
  t.match(unfinished, {
    unfinished: [
      { id: 'req-1', method: 'GET', route: '/hang', path: '/hang', age: Number, phase: 'handling' }
    ]
  })
  t.notMatch(unfinished, { unfinished: [{ path: /secret/ }] })
  t.match(reportOf(service), { finished: 0, cut: 1 })
  t.match(service.output(), /resources closed/)
  t.match(service.output(), /settled.*"shut down, but/s, 'in time for its line in a log')
})

t.test('a handler that listens to the signal answers 503 before it is cut', async (t) => {
  const service = await startService(t, { drainDelay: 0, finishTimeout: '2s' })
  const waiting = await service.get('/wait')
  await service.printed(/waiting/)
  service.signal('SIGTERM')
  t.equal(await ended(service), 0)
  t.match(
    await waiting.ended(),
    /503[\s\S]*connection: close[\s\S]*HOLDFAST_ERR_LIFECYCLE_DRAINING/i
  )
})

t.test('a duplicate signal changes nothing, a later one forces the exit', async (t) => {
  const service = await startService(t, { drainDelay: 0 })
  await service.get('/hang')
  await service.printed(/hanging/)
  service.signal('SIGINT')
  await service.printed(/shutting down/)
  service.signal('SIGINT')
  // A whole second later it is no duplicate any more.
  await new Promise((resolve) => setTimeout(resolve, 1200))
  t.equal(service.child.exitCode, null)
  service.signal('SIGTERM')
  t.equal(await ended(service), 143)
})

t.test('an uncaught exception ends the process with 1 and without a delay', async (t) => {
  const service = await startService(t)
  const start = performance.now()
  await service.get('/throw')
  t.equal(await ended(service), 1)
  t.ok(secondsSince(start) < 4)
  t.match(service.output(), /uncaughtException: a bug/)
  t.match(reportOf(service), { reason: 'uncaughtException', problems: ['a bug'] })
})

t.test(
  'a rejection nobody waits for ends the process with 1, with a reason or without',
  async (t) => {
    for (const [path, message] of [
      ['/reject', /unhandledRejection: nobody waited for this/],
      ['/reject-nothing', /unhandledRejection: undefined was the reason of a rejected promise/]
    ] as const) {
      const service = await startService(t)
      await service.get(path)
      t.equal(await ended(service), 1)
      t.match(service.output(), message)
    }
  }
)

t.test('a crash is told even without a logger', async (t) => {
  const service = await startService(t, {}, { LOGGER: '0' })
  await service.get('/throw')
  t.equal(await ended(service), 1)
  t.match(service.output(), /uncaughtException: a bug/)
})

t.test('a rejection during the drain is logged and harms nothing', async (t) => {
  const service = await startService(t, { drainDelay: '1s' })
  service.signal('SIGTERM')
  await service.printed(/shutting down/)
  t.match(await (await service.get('/reject')).ended(), /200 OK/)
  t.equal(await ended(service), 0)
  t.match(service.output(), /unhandledRejection during the shutdown: nobody waited for this/)
})

t.test('an exception during the drain does not stop it, but the exit code is 1', async (t) => {
  const service = await startService(t, { drainDelay: '1s' })
  service.signal('SIGTERM')
  await service.printed(/shutting down/)
  t.match(await (await service.get('/throw')).ended(), /200 OK/)
  t.match(await (await service.get('/')).ended(), /200 OK/)
  t.equal(await ended(service), 1)
  t.match(reportOf(service), { reason: 'SIGTERM', finished: 2 })
})

t.test('an exit code that the service has set survives', async (t) => {
  const service = await startService(t, { drainDelay: 0 })
  await (await service.get('/exit-code')).until(/set/)
  service.signal('SIGTERM')
  t.equal(await ended(service), 7)
})

t.test('all apps of a process leave at one signal', async (t) => {
  const service = await startService(t, { drainDelay: 0 }, { SECOND: '{"exit":false}' })
  const port = Number((await service.printed(/second on (\d+)/))[1])
  const other = await rawConnection(port)
  other.write(head('GET /work'))
  await service.printed(/second working/)
  service.signal('SIGTERM')
  t.equal(await ended(service), 0)
  t.match(await other.ended(), /200 OK/)
  t.equal(service.lines().filter(({ msg }) => msg === 'shut down').length, 2)
})

t.test('the service may ask for its own shutdown', async (t) => {
  const service = await startService(t, { drainDelay: 0, signals: false })
  await service.get('/shutdown')
  t.equal(await ended(service), 0)
  t.match(reportOf(service), { reason: 'asked to' })
})

t.test('with exit: false the process ends when nothing is left to do', async (t) => {
  const service = await startService(t, { drainDelay: 0, exit: false })
  const connection = await service.get('/work/1500')
  await service.printed(/working/)
  service.signal('SIGTERM')
  await service.printed(/shutting down/)
  await new Promise((resolve) => setTimeout(resolve, 1200))
  service.signal('SIGTERM')
  t.equal(await ended(service), 0)
  t.match(await connection.ended(), /200 OK/)
})

t.test('with signals: false a signal does what it does in Node', async (t) => {
  const service = await startService(t, { signals: false })
  service.signal('SIGTERM')
  t.same(await service.exited, { code: null, signal: 'SIGTERM' })
})

t.test('a plain app.close() waits for nobody and does not exit', async (t) => {
  const service = await startService(t)
  t.match(await (await service.get('/close')).ended(), /200 OK/)
  t.equal(await ended(service), 0)
  t.match(service.output(), /closed by itself/)
})

t.test('an onClose that hangs is passed by', async (t) => {
  const options = { drainDelay: 0, closeTimeout: '1s' }
  const service = await startService(t, options, { CLOSE_HANGS: '1' })
  service.signal('SIGTERM')
  t.equal(await ended(service), 1)
  t.match(reportOf(service), {
    problems: [/^app.close\(\) was not done within \d+ ms, what closeTimeout left for it$/]
  })
})

t.test('a signal during the boot ends it with 1, and what was loaded is closed', async (t) => {
  const service = start(t, {}, { BOOT: '1000' })
  await service.printed(/booting/)
  service.signal('SIGTERM')
  t.equal(await ended(service), 1)
  t.match(service.output(), /resources closed/)
  t.match(reportOf(service), { problems: ['stopped before the boot was done'] })
})

t.test('a boot slower than closeTimeout is waited for too', async (t) => {
  const options = { drainDelay: 0, finishTimeout: '10s', closeTimeout: '1s' }
  const service = start(t, options, { BOOT: '2000' })
  await service.printed(/booting/)
  service.signal('SIGTERM')
  t.equal(await ended(service), 1)
  t.match(service.output(), /resources closed/)
})

t.test('a boot that fails closes what was loaded and ends with 1', async (t) => {
  const service = start(t, {}, { BOOT: '100', BOOT_FAILS: '1' })
  t.equal(await ended(service), 1)
  t.match(service.output(), /no database/)
  t.match(service.output(), /resources closed/)
})

t.test('the steps run in order before the app closes, and the bad ones are named', async (t) => {
  const steps = [
    { name: 'pool', after: ['queue', 'hangs'], timeout: '1s' },
    { name: 'throws', does: 'throws' },
    { name: 'queue', does: 200 },
    { name: 'hangs', does: 'hangs', timeout: 300 },
    { name: 'late', does: 'rejects beside it' }
  ]
  const service = await startService(
    t,
    { drainDelay: 0 },
    { STEPS: JSON.stringify(steps), PLUGIN_TIMEOUT: '100' }
  )
  const connection = await service.get('/work/500')
  await service.printed(/working/)
  service.signal('SIGTERM')
  t.equal(await ended(service), 1)
  t.match(await connection.ended(), /200 OK/)
  t.match(
    service.output(),
    /worked[\s\S]*step throws[\s\S]*step queue[\s\S]*step hangs[\s\S]*step pool[\s\S]*step late[\s\S]*resources closed/
  )
  t.match(service.output(), /unhandledRejection during the shutdown: too late/)
  t.match(reportOf(service), {
    problems: ['the step "throws" failed: no use', 'the step "hangs" was not done within 300 ms']
  })
})

t.test('good steps end with 0, in a plain close too', async (t) => {
  for (const way of ['SIGTERM', '/close']) {
    const STEPS = '[{ "name": "queue", "does": 200 }]'
    const service = await startService(t, { drainDelay: 0 }, { STEPS })
    const connection = await service.get('/work/300')
    await service.printed(/working/)
    if (way === '/close') await service.get(way)
    else service.signal('SIGTERM')
    t.equal(await ended(service), 0)
    t.match(await connection.ended(), /200 OK/)
    t.match(service.output(), /worked[\s\S]*step queue[\s\S]*resources closed/)
  }
})

t.test('work behind an answer is waited for, or named and given up', async (t) => {
  const service = await startService(t, { drainDelay: 0 })
  t.match(await (await service.get('/later/500')).until(/accepted/), /200 OK/)
  service.signal('SIGTERM')
  t.equal(await ended(service), 0)
  t.match(service.output(), /mail sent[\s\S]*resources closed/)

  const stuck = await startService(t, { drainDelay: 0, finishTimeout: '1s' })
  await (await stuck.get('/later/60000')).until(/accepted/)
  stuck.signal('SIGTERM')
  t.equal(await ended(stuck), 1)
  const unfinished = stuck.lines().find((line) => line['unfinished'] !== undefined)
  t.match(unfinished, { unfinished: [{ task: 'mail', age: Number }] })
  t.match(reportOf(stuck), { problems: ['"mail" was not done and is given up'] })
})

t.test('a port in use is a clear sentence and a failure', async (t) => {
  const blocker = createServer().listen(0, '127.0.0.1')
  t.teardown(() => blocker.close())
  await new Promise((resolve) => blocker.once('listening', resolve))
  const address = blocker.address()
  const port = typeof address === 'object' ? String(address?.port) : ''
  const service = start(t, {}, { PORT: port })
  t.equal(await ended(service), 1)
  t.match(service.output(), `listen EADDRINUSE: address already in use 127.0.0.1:${port}`)
})

t.test('a wrong option is a clear sentence and a failure', async (t) => {
  const service = start(t, { drainDelay: 'soon' })
  t.equal(await ended(service), 1)
  t.match(service.output(), /"lifecycle.drainDelay" must be a duration.*the text "soon"/)
})

t.test('a request on a second address is answered before anything closes', async (t) => {
  for (const [path, timeout] of [
    ['/work/500', '10000'],
    ['/close-and-work', '10000'],
    ['/close-and-work', '0']
  ] as const) {
    const env = { HOST: 'localhost', TWO: '1', PLUGIN_TIMEOUT: timeout }
    const service = await startService(t, { drainDelay: 0 }, env)
    const connections = await Promise.all(
      ['127.0.0.1', '127.0.0.2'].map((host) => rawConnection(service.port, host))
    )
    for (const connection of connections) connection.write(head(`GET ${path}`))
    await service.printed(/working[\s\S]*working/)
    if (path === '/work/500') service.signal('SIGTERM')
    t.equal(await ended(service), 0)
    for (const connection of connections) t.match(await connection.ended(), /200 OK/)
    t.match(service.output(), /worked\n[\s\S]*worked\n[\s\S]*resources closed/)
  }
})

t.test('work that hangs is ended by the last deadline, work that fails at once', async (t) => {
  for (const [outcome, message] of [
    ['hangs', /not done after 100 ms/],
    ['fails', /no use/]
  ] as const) {
    const args = [fileURLToPath(new URL('fixtures/exit.js', import.meta.url)), outcome]
    const process = startNode(args, { coverage: true })
    t.teardown(() => process.stop())
    t.equal(await ended(process), 1)
    t.match(process.output(), message)
  }
})
