import { rateLimit } from '@holdfast/rate-limit'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { startPrivateRedis } from '../../../test/support/redis.ts'
import { ioredis } from './support/redis-clients.ts'

const limited = (max: number) => ({ config: { rateLimit: { max } } })

/** How many requests to each of the routes are within its limit. */
async function admitted(app: FastifyInstance, routes: readonly (readonly string[])[]) {
  const counts: number[] = []
  for (const [method, url, version, host] of routes) {
    let count = 0
    const headers = { ...(version && { 'accept-version': version }), host: host || 'localhost' }
    const ask = () => app.inject({ method: method as 'GET', url: String(url), headers })
    while (count < 20 && (await ask()).statusCode === 200) count++
    counts.push(count)
  }
  return counts
}

const ROUTES = [
  ['HEAD', '/own'],
  ['GET', '/own'],
  ['GET', '/both'],
  ['HEAD', '/both'],
  ['GET', '/version', '1.0.0'],
  ['HEAD', '/version', '1.0.0'],
  ['GET', '/version', '2.0.0'],
  ['GET', '/host', '', 'a.example'],
  ['GET', '/host', '', 'b.example'],
  ['POST', '/methods'],
  ['HEAD', '/methods'],
  ['GET', '/methods']
] as const

function declare(app: FastifyInstance): void {
  app.head('/own', limited(2), () => '')
  app.get('/own', limited(10), () => 'ok')
  app.get('/both', limited(3), () => 'ok')
  const same = limited(4)
  for (const version of ['1.0.0', '2.0.0']) {
    app.get('/version', { ...same, constraints: { version } }, () => 'ok')
  }
  app.get('/host', { ...limited(5), constraints: { host: 'a.example' } }, () => 'ok')
  app.get('/host', { ...limited(6), constraints: { host: /^b/ } }, () => 'ok')
  app.route({ method: ['HEAD', 'POST'], url: '/methods', ...limited(7), handler: () => 'ok' })
  app.get('/methods', limited(8), () => 'ok')
}

async function serve(t: Test, redis?: { port: number }): Promise<FastifyInstance> {
  const app = Fastify()
  t.teardown(() => app.close())
  const options = redis && { redis: ioredis(t, redis.port), storeTimeout: '10s' as const }
  await app.register(rateLimit, { timeWindow: '1 hour', ...options })
  declare(app)
  return app
}

const EXPECTED = [2, 10, 3, 0, 4, 0, 4, 5, 6, 7, 0, 8]

t.test('only GET and the HEAD made from it share a limit', async (t) => {
  t.strictSame(await admitted(await serve(t), ROUTES), EXPECTED)
})

t.test('in a store a limit has the same routes as in memory', async (t) => {
  const redis = await startPrivateRedis(t)
  if (redis === undefined) return
  t.strictSame(await admitted(await serve(t, redis), ROUTES), EXPECTED)
  t.strictSame(((await redis.cli('KEYS', '*')) as string[]).sort(), [
    'holdfast:t{127.0.0.1}GET+/both',
    'holdfast:t{127.0.0.1}GET+/host+host=/^b/',
    'holdfast:t{127.0.0.1}GET+/host+host=a.example',
    'holdfast:t{127.0.0.1}GET+/methods',
    'holdfast:t{127.0.0.1}GET+/own',
    'holdfast:t{127.0.0.1}GET+/version+version=1.0.0',
    'holdfast:t{127.0.0.1}GET+/version+version=2.0.0',
    'holdfast:t{127.0.0.1}HEAD+/own',
    'holdfast:t{127.0.0.1}HEAD,POST+/methods'
  ])
})

t.test(
  'of routes that were declared before the plugin versions and hosts are not known',
  async (t) => {
    const redis = await startPrivateRedis(t)
    if (redis === undefined) return
    const lines: string[] = []
    const stream = { write: (line: string) => lines.push(JSON.parse(line).msg) }
    const app = Fastify({ logger: { level: 'error', stream } })
    t.teardown(() => app.close())
    declare(app)
    const client = ioredis(t, redis.port)
    await app.register(rateLimit, { timeWindow: '1 hour', redis: client, storeTimeout: '10s' })
    // One of those whose names are the same has used up what both of them have.
    t.strictSame(await admitted(app, ROUTES), [2, 10, 3, 0, 4, 0, 0, 5, 0, 7, 0, 8])
    t.strictSame(
      lines.filter((line) => /two routes/.test(line)),
      [
        'rateLimit: two routes have limits that are called "GET /host" in the store, and share one count there. Declare them after "await app.register(rateLimit)", or give each a groupId.'
      ]
    )
  }
)

t.test('constraints may be objects, which tell limits apart like any other', async (t) => {
  type Tenant = { readonly name: string }
  const kept = new Map<Tenant, unknown>()
  const storage = () => ({
    get: (name: unknown) => [...kept].find(([tenant]) => tenant.name === name)?.[1] ?? null,
    set: (tenant: Tenant, handler: unknown) => void kept.set(tenant, handler)
  })
  const tenant = {
    name: 'tenant',
    storage: storage as never,
    validate() {},
    deriveConstraint: ({ headers }: { headers: Record<string, unknown> }) => headers['tenant']
  }
  const app = Fastify({ routerOptions: { constraints: { tenant: tenant as never } } })
  t.teardown(() => app.close())
  await app.register(rateLimit)
  // Of one object of options: only the constraint tells these limits apart.
  const same = limited(1)
  for (const name of ['ann', 'bob']) {
    app.get('/', { ...same, constraints: { tenant: { name } } }, () => name)
  }
  const ask = async (name: string) => {
    const { statusCode } = await app.inject({ url: '/', headers: { tenant: name } })
    return statusCode
  }
  t.strictSame([await ask('ann'), await ask('ann'), await ask('bob')], [200, 429, 200])
})
