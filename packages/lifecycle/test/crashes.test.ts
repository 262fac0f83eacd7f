/**
 * Errors that nobody caught, and logs that fail: the service ends, or lives on, and never spins.
 * Covers `edges/crashes.ts`, `edges/apps.ts`, `edges/exit.ts`, `edges/process.ts` and
 * `edges/process-listeners.ts`.
 */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { head, type RawConnection, rawConnection } from '../../../test/support/http.ts'
import { startNode } from '../../../test/support/process.ts'
import { ended, reportOf, type Service } from './fixtures/running-service.ts'

t.jobs = 4
t.setTimeout(120_000)

const FIXTURE = fileURLToPath(new URL('fixtures/failing.js', import.meta.url))

async function start(t: Test, env: NodeJS.ProcessEnv, flags: string[] = []): Promise<Service> {
  const running = startNode([...flags, FIXTURE], { env, coverage: true })
  t.teardown(() => running.stop())
  const port = Number((await running.printed(/first on (\d+)/))[1])
  const connect = async (): Promise<RawConnection> => {
    const connection = await rawConnection(port)
    t.teardown(() => connection.destroy())
    return connection
  }
  const get = async (path: string): Promise<RawConnection> => {
    const connection = await connect()
    connection.write(head(`GET ${path}`))
    return connection
  }
  return { ...running, port, origin: `http://127.0.0.1:${port}`, connect, get }
}

t.test(
  'a log whose reader is gone ends the service with 1, and what runs is answered',
  async (t) => {
    const service = await start(t, { LOG: 'stdout' })
    const working = await service.get('/work')
    await service.printed(/working/)
    service.child.stdout?.destroy()
    await service.get('/log')
    t.match(await working.ended(), /200 OK[\s\S]*worked/)
    t.equal(await ended(service), 1)
    t.match(service.output(), /resources closed/)
  }
)

t.test('a shutdown without a reader of the log ends, too', async (t) => {
  const service = await start(t, { LOG: 'stdout' })
  const working = await service.get('/work')
  await service.printed(/working/)
  service.child.stdout?.destroy()
  service.signal('SIGTERM')
  t.match(await working.ended(), /200 OK[\s\S]*worked/)
  t.equal(await ended(service), 1, 'the lines that nobody could write are a failure')
})

t.test('an exception thrown again and again ends the process at once', async (t) => {
  const service = await start(t, {})
  await service.get('/throws-for-ever')
  t.equal(await ended(service), 1)
  t.match(service.output(), /again and again/)
})

t.test('many exceptions are logged a few times, and what runs is answered', async (t) => {
  const service = await start(t, {})
  const working = await service.get('/work')
  await service.printed(/working/)
  await service.get('/throws-often')
  t.match(await working.ended(), /200 OK[\s\S]*worked/)
  t.equal(await ended(service), 1)
  const told = service.lines().filter(({ level }) => level === 60)
  t.equal(told.length, 10)
  t.match(told.at(-1)?.['msg'], 'uncaughtException: often (further errors are not logged)')
})

t.test('a log that throws cancels neither drain nor close', async (t) => {
  const service = await start(t, { LOG: 'broken', CHECK: '1' })
  await (await service.get('/check-fails')).until(/done/)
  await (await service.get('/readyz')).until(/degraded: cache/)
  const working = await service.get('/work')
  await service.printed(/working/)
  service.signal('SIGTERM')
  t.match(await working.ended(), /200 OK[\s\S]*worked/)
  t.equal(await ended(service), 0)
  t.match(service.output(), /resources closed/)
})

t.test('a crash beside a log that throws is told on the console', async (t) => {
  const service = await start(t, { LOG: 'broken' })
  await service.get('/throws')
  t.equal(await ended(service), 1)
  t.match(service.output(), /uncaughtException: a bug/)
})

const skip = !existsSync('/dev/full') && 'there is no /dev/full'
t.test('a shutdown with a full disk under the log goes on', { skip }, async (t) => {
  const service = await start(t, { LOG: 'full', OPTIONS: '{ "drainDelay": 500 }' })
  const working = await service.get('/work')
  await service.printed(/working/)
  service.signal('SIGTERM')
  t.match(await working.ended(), /200 OK[\s\S]*worked/)
  t.equal(await ended(service), 1, 'the lines that could not be written are a failure')
  t.match(service.output(), /resources closed/)
})

t.test('a crash without a log is told on the console', async (t) => {
  const service = await start(t, { LOG: 'none' })
  await service.get('/throws-an-unreadable-error')
  t.equal(await ended(service), 1)
  t.match(service.output(), /uncaughtException: an error that cannot be shown/)
})

t.test('whatever is thrown, what runs is answered', async (t) => {
  for (const path of ['/throws-an-unreadable-error', '/throws-a-revoked-proxy']) {
    const service = await start(t, {})
    const working = await service.get('/work')
    await service.printed(/working/)
    await service.get(path)
    t.match(await working.ended(), /200 OK[\s\S]*worked/)
    t.equal(await ended(service), 1)
    t.match(service.output(), /cannot be shown/)
  }
})

t.test('a second signal when the app has closed changes nothing', async (t) => {
  const service = await start(t, {})
  await (await service.get('/leave-task')).until(/done/)
  service.signal('SIGTERM')
  await service.printed(/task left/)
  await new Promise((resolve) => setTimeout(resolve, 1100))
  service.signal('SIGTERM')
  t.equal(await ended(service), 0)
  t.notMatch(service.output(), /again/)
})

t.test('an exit code of 0 given as text hides no failure', async (t) => {
  const service = await start(t, {})
  await (await service.get('/close-fails')).until(/done/)
  service.signal('SIGTERM')
  t.equal(await ended(service), 1)
  t.match(reportOf(service), { problems: ['app.close() failed: no pool'] })
})

t.test('errors are left to others that listen for them, and the boot says so', async (t) => {
  const service = await start(t, { LISTENER: 'uncaughtException unhandledRejection SIGHUP' })
  t.match(service.output(), /others listen to SIGHUP too: .*reporter/)
  t.match(
    service.output(),
    /others listen to uncaughtException, unhandledRejection: reporter\. .*errors: 'drain'/
  )
  for (const path of ['/throws', '/rejects']) await (await service.get(path)).until(/done/)
  await service.printed(/reported unhandledRejection/)
  t.match(service.output(), /reported uncaughtException/)
  await (await service.get('/readyz')).until(/200 OK/)
  service.signal('SIGTERM')
  t.equal(await ended(service), 0)
})

t.test('each kind of error goes its own way', async (t) => {
  const service = await start(t, { LISTENER: 'unhandledRejection' })
  await (await service.get('/rejects')).until(/done/)
  await service.printed(/reported unhandledRejection/)
  await service.get('/throws')
  t.equal(await ended(service), 1)
  t.match(service.output(), /uncaughtException: a bug/)
})

t.test("with errors: 'drain' they shut the service down, whoever else listens", async (t) => {
  const service = await start(t, {
    LISTENER: 'uncaughtException unhandledRejection',
    OPTIONS: '{ "errors": "drain" }'
  })
  t.notMatch(service.output(), /others listen/)
  await service.get('/rejects')
  t.equal(await ended(service), 1)
  t.match(service.output(), /reported unhandledRejection/)
  t.match(service.output(), /"unhandledRejection: nobody waited for this"/)
})

t.test("with errors: 'leave' they do what they do in Node", async (t) => {
  const service = await start(t, { OPTIONS: '{ "errors": "leave" }' })
  await service.get('/throws')
  t.equal(await ended(service), 1)
  t.match(service.output(), /Error: a bug\n/)
  t.notMatch(service.output(), /resources closed/)
})

t.test('a listener that is added later gets the errors, as long as it listens', async (t) => {
  const service = await start(t, {})
  await (await service.get('/listen-to-errors')).until(/done/)
  await service.printed(/others listen to uncaughtException: lateReporter/)
  await (await service.get('/throws')).until(/done/)
  await service.printed(/reported late/)
  await (await service.get('/readyz')).until(/200 OK/)
  await service.get('/throws')
  t.equal(await ended(service), 1, 'once only')
  t.match(service.output(), /uncaughtException: a bug/)
})

t.test('rejections that Node was told to ignore shut nothing down', async (t) => {
  for (const mode of ['warn', 'none', 'strict']) {
    const service = await start(t, {}, [`--unhandled-rejections=${mode}`])
    await service.get('/rejects')
    if (mode === 'strict') {
      t.equal(await ended(service), 1)
      t.match(reportOf(service), { reason: 'unhandledRejection' })
    } else {
      await (await service.get('/readyz')).until(/200 OK/)
      service.signal('SIGTERM')
      t.equal(await ended(service), 0)
    }
  }
})
