/**
 * The shutdown beside others that have a say in it: owners of signals, of errors, of sockets, and a
 * test runner. Real processes of theirs and ours.
 */
import { fileURLToPath } from 'node:url'
import { io } from 'socket.io-client'
import t, { type Test } from 'tap'
import { freePort } from './support/http.ts'
import { type RunningProcess, startNode } from './support/process.ts'

t.jobs = 3
t.setTimeout(180_000)

const fixture = (name: string): string =>
  fileURLToPath(new URL(`fixtures/${name}`, import.meta.url))
const OTHERS = /others listen to SIGTERM.* too: /

async function start(t: Test, args: string[], env: NodeJS.ProcessEnv = {}) {
  const running = startNode(args, { env })
  t.teardown(() => running.stop())
  const [, port] = await running.printed(/(?:first on |listening at http:\/\/127\.0\.0\.1:)(\d+)/)
  return { ...running, origin: `http://127.0.0.1:${port}` }
}

function report(service: RunningProcess): Record<string, unknown> | undefined {
  return service.lines().findLast(({ msg }) => String(msg).startsWith('shut down'))
}

t.test('Socket.IO: clients are told at once, and nothing waits for them', async (t) => {
  const service = await start(t, [fixture('socket-io.js')])
  const client = io(service.origin, { transports: ['websocket'], reconnection: false })
  t.teardown(() => client.close())
  await new Promise((resolve) => client.once('connect', () => resolve(undefined)))
  const told = new Promise((resolve) => client.once('disconnect', resolve))
  const signalledAt = performance.now()
  service.signal('SIGTERM')
  t.equal(await told, 'io server disconnect')
  t.match(await service.exited, { code: 0 })
  t.ok(performance.now() - signalledAt < 4000)
  t.match(service.output(), /resources closed/)
})

t.test('close-with-grace: it is named at boot, and errors are its own', async (t) => {
  const service = await start(t, [fixture('close-with-grace.js')])
  await service.printed(OTHERS)
  await service.printed(/others listen to uncaughtException, unhandledRejection: onError/)
  service.signal('SIGTERM')
  t.match(await service.exited, { code: 0 })
  t.match(service.output(), /resources closed/)

  const crashing = await start(t, [fixture('close-with-grace.js')])
  await fetch(`${crashing.origin}/reject`, { headers: { connection: 'close' } })
  t.match(await crashing.exited, { code: 1 })
  t.match(crashing.output(), /close-with-grace was told: nobody waited for this/)
  t.match(crashing.output(), /resources closed/)
})

t.test('fastify start: it is named at boot', async (t) => {
  const cli = fileURLToPath(import.meta.resolve('fastify-cli/cli.js'))
  const args = ['start', '--address', '127.0.0.1', '--log-level', 'info', '--options']
  const port = String(await freePort())
  const service = await start(t, [cli, ...args, fixture('cli-app.js')], { FASTIFY_PORT: port })
  await service.printed(/others listen to SIGTERM.* too: onSignal/)
  service.signal('SIGTERM')
  t.match(await service.exited, { code: 0 })
  t.match(service.output(), /resources closed/)
})

t.test(
  'fastify start with signals: false: they go one way, and requests are finished',
  async (t) => {
    const cli = fileURLToPath(import.meta.resolve('fastify-cli/cli.js'))
    const args = ['start', '--address', '127.0.0.1', '--log-level', 'info', '--options']
    const grace = ['--close-grace-delay', '30000']
    const port = String(await freePort())
    const app = fixture('fastify-cli/app.js')
    const service = await start(t, [cli, ...args, ...grace, app], { FASTIFY_PORT: port })
    const ask = (path: string) => fetch(service.origin + path)

    t.equal((await ask('/readyz')).status, 200)
    t.equal((await ask('/')).headers.get('ratelimit-policy'), '"default";q=2;w=60')
    const slow = ask('/slow')
    await service.printed(/slow begins/)
    const refused = await ask('/')
    t.equal(refused.status, 429)
    t.match(
      await refused.json(),
      { code: 'HOLDFAST_ERR_RATE_LIMIT_EXCEEDED' },
      'of the whole service'
    )
    service.signal('SIGTERM')
    t.equal(await (await slow).text(), 'slow')
    t.match(await service.exited, { code: 0 })
    t.match(service.output(), /"msg":"shut down"/)
    t.match(service.output(), /resources closed/)
    t.same(
      service.lines().filter(({ level, reqId }) => Number(level) >= 40 && reqId === undefined),
      [],
      'the boot has nothing to say'
    )
  }
)

t.test("Sentry: what it captures is its own, unless errors is 'drain'", async (t) => {
  const alone = await start(t, [fixture('sentry.js')])
  await alone.printed(/others listen to uncaughtException, unhandledRejection: /)
  await fetch(`${alone.origin}/reject`)
  await alone.printed(/captured nobody waited for this/)
  t.equal((await fetch(`${alone.origin}/readyz`)).status, 200)
  await fetch(`${alone.origin}/throw`)
  t.match(await alone.exited, { code: 1 }, 'Sentry exits where nobody else listens')
  t.match(alone.output(), /captured a bug/)

  const draining = await start(t, [fixture('sentry.js')], { OPTIONS: '{ "errors": "drain" }' })
  await fetch(`${draining.origin}/throw`)
  t.match(await draining.exited, { code: 1 })
  t.match(draining.output(), /captured a bug/)
  t.match(draining.output(), /resources closed/)
  t.match(report(draining), { reason: 'uncaughtException' })
})

t.test('NestJS: the signal that it sends again forces no exit', async (t) => {
  const service = await start(t, [fixture('nest.js')])
  await service.printed(OTHERS)
  service.signal('SIGTERM')
  t.match(await service.exited, { code: 0, signal: null })
  t.match(service.output(), /resources closed/)
  t.notMatch(service.output(), /exiting at once/)
})

t.test('NestJS with its close as a step: its hooks run between drain and exit', async (t) => {
  const service = await start(t, [fixture('nest.js')], { RECIPE: '1' })
  service.signal('SIGTERM')
  t.match(await service.exited, { code: 0, signal: null })
  t.notMatch(service.output(), OTHERS)
  t.match(
    service.output(),
    /resources closed\n[\s\S]*the last hook ended\n[\s\S]*"msg":"shut down"/
  )
})

t.test('NestJS with its close as a step: its hooks run after a crash too', async (t) => {
  const service = await start(t, [fixture('nest.js')], { RECIPE: '1', END: 'crash' })
  t.match(await service.exited, { code: 1, signal: null })
  t.match(report(service), { reason: 'uncaughtException', problems: { length: 1 } })
  t.match(service.output(), /resources closed\n[\s\S]*the last hook ended\n/)
})

t.test('NestJS with its close as a step: its own close() waits for nothing', async (t) => {
  const service = await start(t, [fixture('nest.js')], { RECIPE: '1', END: 'close' })
  t.match(await service.exited, { code: 0, signal: null })
  t.match(service.output(), /resources closed\n[\s\S]*the last hook ended\nthe app is closed\n/)
  t.match(report(service), { problems: { length: 0 } })
})

t.test("Node's test runner names the test that leaks a rejection, and runs the rest", async (t) => {
  const runner = startNode(['--test', '--test-reporter=tap', fixture('leaked-rejection.test.js')], {
    env: { NODE_TEST_CONTEXT: undefined }
  })
  t.teardown(() => runner.stop())
  await runner.exited
  t.match(runner.output(), /ok 1 - the first/)
  t.match(runner.output(), /not ok 2 - the second leaks/)
  t.match(runner.output(), /ok 3 - the third/)
})
