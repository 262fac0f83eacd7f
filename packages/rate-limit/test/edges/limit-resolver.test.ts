/**
 * Several limits on one request: `edges/limit-resolver.ts`.
 */
import { subscribe } from '@holdfast/core'
import { type RateLimitEvent, type RateLimitOptions, rateLimit } from '@holdfast/rate-limit'
import Fastify, { type FastifyInstance, type FastifyRequest, type InjectOptions } from 'fastify'
import { parseList } from 'structured-headers'
import t, { type Test } from 'tap'

const ok = () => 'ok'
const second = { name: 'second', max: 2, timeWindow: 1000 }
const day = { name: 'day', max: 5, timeWindow: '1 day', algorithm: 'fixed-window' } as const

async function serve(
  options: RateLimitOptions,
  build: (app: FastifyInstance) => void = (app) => {
    app.get('/', ok)
  }
) {
  const app = Fastify()
  await app.register(rateLimit, options)
  build(app)
  return app
}

/** A clock that stands until it is told to go on. */
function clock(t: Test) {
  let now = performance.now()
  t.intercept(performance, 'now', { value: () => now })
  return { goOn: (milliseconds: number) => (now += milliseconds) }
}

async function statuses(app: FastifyInstance, ...requests: (string | InjectOptions)[]) {
  const codes: number[] = []
  for (const request of requests) codes.push((await app.inject(request)).statusCode)
  return codes
}

/** The members of a field, by name, as any client reads them (RFC 9651). */
function listed(field: unknown): Record<string, Record<string, unknown>> {
  const members = parseList(String(field))
  return Object.fromEntries(members.map(([name, parts]) => [name, Object.fromEntries(parts)]))
}

t.test('clients are told every policy, and which one they exceeded', async (t) => {
  const time = clock(t)
  const app = await serve({ policies: [second, day] })
  const first = await app.inject('/')
  t.strictSame(listed(first.headers['ratelimit-policy']), {
    second: { q: 2, w: 1 },
    day: { q: 5, w: 86_400 }
  })
  t.strictSame(listed(first.headers.ratelimit), {
    second: { r: 1, t: 1 },
    day: { r: 4, t: 86_400 }
  })
  await app.inject('/')
  const denied = await app.inject('/')
  t.equal(denied.statusCode, 429)
  t.strictSame(denied.json()['violated-policies'], ['second'])
  t.equal(denied.headers['retry-after'], '1')
  t.strictSame(
    listed(denied.headers.ratelimit),
    { second: { r: 0, t: 1 }, day: { r: 3 } },
    'no policy says "t" of a later time than Retry-After'
  )
  time.goOn(1000)
  t.strictSame(await statuses(app, '/', '/'), [200, 200])
  time.goOn(500)
  t.strictSame(await statuses(app, '/'), [200])
  const both = await app.inject('/')
  t.strictSame(both.json()['violated-policies'], ['second', 'day'], 'one denies as well')
  t.equal(both.headers['retry-after'], String(86_400 - 1))
})

t.test('a denial by one policy is charged to none', async (t) => {
  const time = clock(t)
  const app = await serve({ policies: [second, day] })
  t.strictSame(await statuses(app, ...Array(20).fill('/')), [200, 200, ...Array(18).fill(429)])
  time.goOn(1000)
  t.strictSame(await statuses(app, '/', '/', '/'), [200, 200, 429])
  time.goOn(1000)
  t.strictSame(await statuses(app, '/', '/'), [200, 429], 'the day has had five')
})

t.test(
  'denials that differ are told apart, and those that do not are answered alike',
  async (t) => {
    clock(t)
    const app = await serve(
      { policies: [second, { ...day, keyGenerator: (request) => request.url }] },
      (app) => app.get('/*', ok)
    )
    await statuses(app, '/a', '/b')
    const left = async (url: string) =>
      listed((await app.inject(url)).headers.ratelimit)['day']?.['r']
    t.strictSame(
      [await left('/a'), await left('/c'), await left('/a'), await left('/a')],
      [4, 5, 4, 4]
    )
  }
)

t.test('policies may count for different clients', async (t) => {
  const app = await serve({
    policies: [
      { name: 'client', max: 2, timeWindow: '1h' },
      { name: 'tenant', max: 3, timeWindow: '1h', keyGenerator: tenant }
    ]
  })
  const as = (tenant: string, remoteAddress: string) => ({
    url: '/',
    remoteAddress,
    headers: { tenant }
  })
  const a1 = as('a', '192.0.2.1')
  const a2 = as('a', '192.0.2.2')
  t.strictSame(await statuses(app, a1, a1, a1), [200, 200, 429], 'by the client')
  t.strictSame(await statuses(app, a2, a2), [200, 429], 'by the tenant')
  t.strictSame(await statuses(app, as('b', '192.0.2.2')), [200], 'who was not charged for that')

  const slow = await serve({
    policies: [
      { name: 'client', max: 1, timeWindow: '1h' },
      { name: 'tenant', max: 1, timeWindow: '1h', keyGenerator: async (request) => tenant(request) }
    ]
  })
  t.strictSame(await statuses(slow, a1, a2, as('b', '192.0.2.2')), [200, 429, 200])
})

function tenant({ headers }: FastifyRequest) {
  return String(headers['tenant'])
}

t.test('an IPv6 network may have a limit for each of its sizes', async (t) => {
  const app = await serve({
    policies: [
      { name: '/64', max: 2, timeWindow: '1h' },
      { name: '/48', max: 3, timeWindow: '1h', ipv6Subnet: 48 }
    ]
  })
  const from = (remoteAddress: string) => ({ url: '/', remoteAddress })
  const one = from('2001:db8:1:1::1')
  const other = from('2001:db8:1:2::1')
  t.strictSame(await statuses(app, one, one, one, other, other), [200, 200, 429, 200, 429])
  t.strictSame(await statuses(app, from('2001:db8:2:1::1')), [200])
})

t.test('policies may have different costs, which may depend on the request', async (t) => {
  const app = await serve(
    {
      cost: (request) => (request.url === '/free' ? 0 : 1),
      policies: [
        { name: 'requests', max: 3, timeWindow: '1h' },
        {
          name: 'bytes',
          max: (_, key) => (key === '192.0.2.1' ? 100 : 10),
          timeWindow: () => '1 hour',
          cost: async ({ headers }) => Number(headers['size'] ?? 1)
        }
      ]
    },
    (app) => {
      app.get('/*', ok)
    }
  )
  const ask = (size: number, url = '/', remoteAddress = '192.0.2.1') =>
    app.inject({ url, remoteAddress, headers: { size: String(size) } })
  t.strictSame(listed((await ask(90)).headers.ratelimit), {
    requests: { r: 2, t: 1200 },
    bytes: { r: 10, t: 36 }
  })
  t.strictSame((await ask(11)).json()['violated-policies'], ['bytes'])
  const never = await ask(11, '/', '192.0.2.2')
  t.strictSame(never.json()['violated-policies'], ['bytes'])
  t.notOk(never.headers['retry-after'], 'it costs more than there ever is')
  t.equal((await ask(5, '/free')).statusCode, 200)
  t.strictSame(listed((await ask(5, '/free')).headers.ratelimit)['requests']?.['r'], 2)
})

t.test('the older header fields tell the policy that decides', async (t) => {
  const app = await serve({ policies: [second, day], headers: 'legacy' })
  t.match((await app.inject('/')).headers, {
    'x-ratelimit-limit': '2',
    'x-ratelimit-remaining': '1'
  })
})

t.test('events are about the policy that decided, and its key', async (t) => {
  const events: Record<string, RateLimitEvent[]> = { denied: [], 'near-limit': [] }
  for (const name of ['denied', 'near-limit'] as const) {
    t.teardown(subscribe(`holdfast:rate-limit:${name}`, (event) => events[name]?.push(event)))
  }
  const app = await serve({
    policies: [
      { ...second, max: 100 },
      { ...day, max: 1, keyGenerator: () => 'everybody' }
    ]
  })
  t.strictSame(await statuses(app, '/', '/'), [200, 429])
  t.equal(events['near-limit']?.length, 1)
  t.match(events['denied'], [{ key: 'everybody', decision: { policy: 'day', each: [{}, {}] } }])
})

t.test('a client on the allow list meets none of them', async (t) => {
  const app = await serve({ policies: [second, day], allowList: ['127.0.0.1'] })
  t.strictSame(await statuses(app, '/', '/', '/'), [200, 200, 200])
  const asked: string[] = []
  const named = await serve({
    policies: [{ ...second, max: 0, keyGenerator: () => 'first' }, day],
    allowList: (_, key) => asked.push(key) > 0
  })
  t.strictSame(await statuses(named, '/'), [200])
  t.strictSame(asked, ['first'], 'a function is asked about the key of the first')
})

t.test('a route', async (t) => {
  const build = (config: RateLimitOptions) =>
    serve({ policies: [second, day], algorithm: 'token-bucket' }, (app) => {
      app.get('/', ok)
      app.get('/own', { config: { rateLimit: config } }, ok)
    })

  t.test('has the policies of the plugin, counted apart', async (t) => {
    const app = await build({ cost: 2 })
    t.strictSame(await statuses(app, '/own', '/own', '/', '/', '/'), [200, 429, 200, 200, 429])
  })

  t.test('may have a single limit in their place', async (t) => {
    const app = await build({ max: 1 })
    const { headers } = await app.inject('/own')
    t.strictSame(listed(headers['ratelimit-policy']), { 'GET /own': { q: 1, w: 60 } })
  })

  t.test('may have policies in place of a single limit', async (t) => {
    const app = await serve({ max: 100 }, (app) => {
      app.get('/', { config: { rateLimit: { policies: [second, day] } } }, ok)
    })
    t.strictSame(await statuses(app, '/', '/', '/'), [200, 200, 429])
  })
})

t.test('routes of a group share the policies that they state alike', async (t) => {
  const config = (policies: RateLimitOptions['policies'] = [second, day]) => ({
    config: { rateLimit: { groupId: 'api', policies } }
  })
  const app = await serve({}, (app) => {
    app.get('/a', config(), ok)
    app.get('/b', config([{ ...second, cost: 2 }, { ...day }]), ok)
  })
  t.strictSame(await statuses(app, '/a', '/b', '/a', '/a'), [200, 429, 200, 429])

  const wrong: [RateLimitOptions['policies'], RegExp][] = [
    [[second], /policies" must be the text "second, day" as on .* but it is the text "second"/],
    [[second, { ...day, max: 6 }], /policies\[1\]\.max" must be 5 as on the other routes.* is 6/]
  ]
  for (const [policies, message] of wrong) {
    const built = serve({}, (app) => {
      app.get('/a', config(), ok)
      app.get('/b', config(policies), ok)
    })
    await t.rejects(built, { message })
  }
})

t.test('a wrong policy stops the boot and is named', async (t) => {
  const wrong: [given: unknown, message: RegExp][] = [
    [{ policies: 5 }, /"rateLimit\.policies" must be an array/],
    [{ policies: [] }, /"rateLimit\.policies" must be at least one policy/],
    [{ policies: [5] }, /"rateLimit\.policies\[0\]" must be an object/],
    [{ policies: [{ max: 1, timeWindow: 1 }] }, /policies\[0\]\.name" must be given/],
    [{ policies: [{ name: 'a', timeWindow: 1 }] }, /policies\[0\]\.max" must be given/],
    [{ policies: [{ name: 'a', max: 1 }] }, /policies\[0\]\.timeWindow" must be given/],
    [{ policies: [{ ...day, name: 'caf\u00e9' }] }, /policies\[0\]\.name" must be text/],
    [{ policies: [{ ...day, hook: 'x' }] }, /"hook" does not exist/],
    [{ policies: [second, day, second] }, /policies\[2\]\.name" must be a name that no other/],
    [{ policies: [{ ...day, burst: 2 }] }, /"rateLimit\.policies\[0\]\.burst" must be left out/],
    [{ policies: [{ ...day, strict: true }] }, /policies\[0\]\.strict" must be false/],
    [{ policies: [second], max: 5 }, /"rateLimit\.max" must be left out where there are policies/]
  ]
  for (const [given, message] of wrong) {
    const app = Fastify().register(rateLimit, given as RateLimitOptions)
    await t.rejects(async () => app.ready(), { code: /^HOLDFAST_ERR_OPTION_/, message })
  }
  const built = serve({ policies: [second] }, (app) =>
    app.get('/', { config: { rateLimit: { timeWindow: '1h' } } }, ok)
  )
  await t.rejects(built, {
    message: /config\.rateLimit\.max" must be given with timeWindow, in place of the plugin's pol/
  })
})
