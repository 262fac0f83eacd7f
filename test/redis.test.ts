import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { eventually } from './support/http.ts'
import { startNode } from './support/process.ts'
import type { PrivateRedis } from './support/redis.ts'
import {
  startPrivateRedis,
  startRedis,
  startRedisCluster,
  startRedisSentinel
} from './support/redis.ts'
import { noRedis } from './support/redis-program.js'

t.setTimeout(60_000)

/** The number of the process that serves, and the folder it works in. */
async function traces(redis: PrivateRedis): Promise<{ pid: number; folder: string }> {
  const pid = /process_id:(\d+)/.exec(String(await redis.cli('INFO', 'server')))?.[1]
  const [, folder] = (await redis.cli('CONFIG', 'GET', 'dir')) as [string, string]
  return { pid: Number(pid), folder }
}

function lives(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** Sets environment variables for as long as a test lasts; undefined removes one. */
function setEnvironment(t: Test, variables: Record<string, string | undefined>): void {
  for (const [name, value] of Object.entries(variables)) {
    const before = process.env[name]
    const set = (to: string | undefined): void => {
      if (to === undefined) delete process.env[name]
      else process.env[name] = to
    }
    t.teardown(() => set(before))
    set(value)
  }
}

t.test('a Redis answers commands and passes its objections on', async (t) => {
  const redis = await startRedis(t)
  if (redis === undefined) return
  const key = `holdfast-test:${process.pid}`
  t.equal(await redis.cli('SET', key, 'grüße\r\n', 'EX', 60), 'OK')
  t.equal(await redis.cli('GET', key), 'grüße\r\n')
  t.equal(await redis.cli('STRLEN', key), 9)
  t.same(await redis.cli('MGET', key, `${key}:none`), ['grüße\r\n', null])
  t.equal(await redis.cli('DEL', key), 1)
  await t.rejects(redis.cli('NONSENSE'), { message: /^ERR unknown command/ })
})

t.test('a frozen server says nothing and catches up once thawed', async (t) => {
  const redis = await startPrivateRedis(t)
  if (redis === undefined) return
  redis.freeze()
  let answered = false
  const pong = redis.cli('PING').finally(() => {
    answered = true
  })
  await new Promise((resolve) => setTimeout(resolve, 100))
  t.notOk(answered)
  redis.thaw()
  t.equal(await pong, 'PONG')
})

t.test('a killed server refuses connections and restarts empty on its port', async (t) => {
  const redis = await startPrivateRedis(t)
  if (redis === undefined) return
  await redis.cli('SET', 'left', 'behind')
  await redis.kill()
  await redis.kill()
  await t.rejects(redis.cli('PING'), { code: 'ECONNREFUSED' })
  await redis.restart()
  t.equal(await redis.cli('GET', 'left'), null)
  redis.freeze()
  await redis.restart()
  t.equal(await redis.cli('PING'), 'PONG', 'a frozen one can be restarted too')
})

t.test('three nodes form a cluster that shares the slots', async (t) => {
  const cluster = await startRedisCluster(t)
  if (cluster === undefined) return
  const places = await Promise.all(
    cluster.nodes.map((node) => node.cli('SET', 'a-key', '1').catch((error) => error.message))
  )
  const owner = cluster.nodes[places.indexOf('OK')]
  t.equal(places.filter((place) => place === 'OK').length, 1)
  t.equal(places.filter((place) => place.endsWith(` 127.0.0.1:${owner?.port}`)).length, 2)
})

t.test('nothing is left when a test is over', async (t) => {
  const left: { pid: number; folder: string }[] = []
  await t.test('a test with a frozen server and a killed one', async (t) => {
    const [frozen, killed] = [await startPrivateRedis(t), await startPrivateRedis(t)]
    if (frozen === undefined || killed === undefined) return
    left.push(await traces(frozen), await traces(killed))
    frozen.freeze()
    await killed.kill()
  })
  for (const { pid, folder } of left) {
    t.notOk(lives(pid))
    t.notOk(existsSync(folder))
  }
})

t.test('nothing is left when the process of the tests is killed', async (t) => {
  if ((await startPrivateRedis(t)) === undefined) return
  const abandoned = startNode([
    `--import=${new URL('support/strip-types.js', import.meta.url)}`,
    fileURLToPath(new URL('support/abandoned-redis.ts', import.meta.url))
  ])
  t.teardown(abandoned.stop)
  await abandoned.printed(/"folder":.*\n/)
  const { pid, folder } = abandoned.lines()[0] as { pid: number; folder: string }
  t.ok(lives(pid))
  abandoned.signal('SIGKILL')
  await eventually(() => !lives(pid))
  await eventually(() => !existsSync(folder))
})

t.test('without a Redis a test is skipped, and fails where one is required', async (t) => {
  const skipped: string[] = []
  const context = {
    pass: (_: string, { skip }: { skip: string }) => skipped.push(skip),
    teardown: () => {}
  }
  setEnvironment(t, { PATH: '/nowhere', REDIS_URL: undefined, REQUIRE_REDIS: undefined })
  for (const start of [startRedis, startPrivateRedis, startRedisCluster, startRedisSentinel]) {
    t.equal(await start(context), undefined)
  }
  t.same(skipped, [noRedis, noRedis, noRedis, noRedis])
  setEnvironment(t, { REQUIRE_REDIS: '1' })
  await t.rejects(startRedis(context), { message: noRedis })
})

t.test('REDIS_URL is used where it is set, and must be true', async (t) => {
  const other = await startPrivateRedis(t)
  if (other === undefined) return
  await other.cli('CONFIG', 'SET', 'requirepass', 'secret word')
  setEnvironment(t, { REDIS_URL: `redis://:secret%20word@127.0.0.1:${other.port}` })
  t.equal((await startRedis(t))?.port, other.port)
  await other.kill()
  await t.rejects(startRedis(t), { code: 'ECONNREFUSED' })
})
