/**
 * Ends of a process that no signal announces: clusters, a server closed by somebody else, an event
 * loop with nothing left to do. Covers `edges/other-ends.ts`,
 * `edges/process.ts` and `edges/process-listeners.ts`.
 */
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { head, type RawConnection, rawConnection } from '../../../test/support/http.ts'
import { startNode } from '../../../test/support/process.ts'
import { ended, reportOf } from './fixtures/running-service.ts'

t.jobs = 4
t.setTimeout(120_000)

const FIXTURE = fileURLToPath(new URL('fixtures/ends.js', import.meta.url))

function start(t: Test, env: NodeJS.ProcessEnv) {
  const running = startNode([FIXTURE], { env, coverage: true })
  t.teardown(() => running.stop())
  const get = async (path: string): Promise<RawConnection> => {
    const port = Number((await running.printed(/first on (\d+)/))[1])
    const connection = await rawConnection(port)
    t.teardown(() => connection.destroy())
    connection.write(head(`GET ${path}`))
    return connection
  }
  return { ...running, get }
}

for (const who of ['me', 'myself']) {
  t.test(`a worker of a cluster that disconnects (${who}) drains and exits`, async (t) => {
    const service = start(t, { CLUSTER: '1' })
    const idle = await service.get('/nowhere')
    await idle.until(/404/)
    const working = await service.get('/work')
    await service.printed(/working/)
    await service.get(`/disconnect-${who}`)
    t.match(await working.ended(), /200 OK[\s\S]*worked/)
    await idle.ended()
    await service.printed(/worker exited with 0/)
    t.match(service.output(), /flushed\n[\s\S]*resources closed/)
    t.match(reportOf(service), { reason: 'worker.disconnect()', problems: [] })
  })
}

t.test('a worker that may not exit ends by itself', async (t) => {
  const service = start(t, { CLUSTER: '1', HOW: 'no exit' })
  const connection = await service.get('/disconnect-me')
  await connection.ended()
  await service.printed(/worker exited with 0/)
  t.match(service.output(), /flushed\n[\s\S]*resources closed/)
})

t.test('a worker whose primary is killed drains and exits', async (t) => {
  const service = start(t, { CLUSTER: '1' })
  const working = await service.get('/work')
  await service.printed(/working/)
  await service.get('/leave-me')
  t.match(await working.ended(), /200 OK[\s\S]*worked/)
  await service.printed(/"msg":"shut down"/)
  t.match(service.output(), /flushed\n[\s\S]*resources closed/)
  t.match(reportOf(service), { reason: 'the primary of the cluster is gone', problems: [] })
})

t.test('a server that somebody else closes is drained, and the process may go on', async (t) => {
  const service = start(t, {})
  const working = await service.get('/work')
  await service.printed(/working/)
  await service.get('/close-server')
  t.match(await working.ended(), /200 OK[\s\S]*worked/)
  t.equal(await ended(service), 0)
  t.match(service.output(), /flushed\n[\s\S]*resources closed/)
  t.match(reportOf(service), { reason: 'the server was closed', problems: [] })
})

t.test('a process with nothing left to do runs its steps and hooks', async (t) => {
  for (const [how, code] of [
    ['unref', 0],
    ['listens not', 0],
    ['no exit', 0],
    ['close fails', 1]
  ] as const) {
    const service = start(t, { HOW: how })
    if (how === 'no exit') {
      const connection = await service.get('/unref')
      await connection.until(/done/)
      connection.destroy()
    }
    t.equal(await ended(service), code, how)
    t.match(service.output(), /flushed\n[\s\S]*resources closed/)
    t.match(reportOf(service), { reason: 'beforeExit' })
  }
})

t.test('a boot that waits for nothing ends as Node ends it', async (t) => {
  const service = start(t, { HOW: 'boots for ever' })
  t.equal(await ended(service), 0)
  t.notMatch(service.output(), /resources closed/)
})
