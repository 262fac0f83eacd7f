/**
 * The limiter for any code: `edges/rate-limiter.ts` and `edges/backend.ts`.
 */
import websocket from '@fastify/websocket'
import { type RateLimiter, type RateLimitOptions, rateLimit } from '@holdfast/rate-limit'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { WebSocket } from 'undici'
import { listen } from '../../../../test/support/http.ts'

const ok = () => 'ok'

async function serve(options: RateLimitOptions = {}): Promise<FastifyInstance> {
  const app = Fastify()
  await app.register(rateLimit, { timeWindow: '1h', ...options })
  return app
}

/** A clock that stands until it is told to go on. */
function clock(t: Test) {
  let now = performance.now()
  t.intercept(performance, 'now', { value: () => now })
  return { goOn: (milliseconds: number) => (now += milliseconds) }
}

async function remaining(limiter: RateLimiter, key: string): Promise<number> {
  return (await limiter.peek(key)).remaining
}

t.test('a limiter decides about anything that has a name', async (t) => {
  const limiter = (await serve()).createRateLimiter({ max: 3 })
  t.ok(limiter.check('alice') instanceof Promise)
  t.match(limiter.checkSync('alice'), {
    allowed: true,
    policy: 'createRateLimiter-1',
    remaining: 1
  })
  t.match(await limiter.peek('alice'), { allowed: true, remaining: 1 })
  t.match(await limiter.check('alice', { cost: 2 }), { allowed: false, remaining: 1 })
  t.match(await limiter.check('alice', { cost: 0 }), { allowed: true, remaining: 1 })
  t.match(await limiter.check('alice', { cost: 4 }), { retryAfter: Infinity })
  t.match(await limiter.check('bob'), { allowed: true, remaining: 2 })
})

t.test('a limiter knows the client of a request, and its limit', async (t) => {
  const app = await serve()
  const limiter = app.createRateLimiter({
    max: async (_, key) => (key === 'pro' ? 10 : 1),
    cost: ({ url }) => (url === '/expensive' ? 5 : 1),
    keyGenerator: ({ headers }) => String(headers['user']),
    allowList: (_, key) => key === 'admin'
  })
  app.get('/*', (request) => limiter.check(request))
  app.get('/reserve', async (request) => {
    const reservation = await limiter.reserve(request)
    await reservation.cancel()
    return reservation.decision
  })
  app.get('/peek', (request) => limiter.peek(request))
  const free = app.createRateLimiter({ max: 0, allowList: ['127.0.0.1'] })
  app.get('/at-once', async (request) => free.checkSync(request))
  const ask = async (user: string, url = '/') =>
    (await app.inject({ url, headers: { user } })).json()
  t.match(await ask('pro'), { allowed: true, limit: 10, remaining: 9 })
  t.match(await ask('pro', '/expensive'), { remaining: 4 })
  t.match(await ask('free'), { allowed: true, limit: 1, remaining: 0 })
  t.match(await ask('free'), { allowed: false })
  for (const url of ['/', '/peek', '/reserve', '/at-once']) {
    t.match(await ask('admin', url), { allowed: true, reason: 'allow-listed' })
  }
})

t.test('a limiter writes no header field, fact or event', async (t) => {
  const app = await serve({ global: false })
  const limiter = app.createRateLimiter({ max: 0 })
  app.get('/', async (request) => (await limiter.check(request)).allowed)
  const { statusCode, headers, body } = await app.inject('/')
  t.strictSame([statusCode, body, headers.ratelimit], [200, 'false', undefined])
})

t.test('several policies of a limiter are charged all or nothing', async (t) => {
  const app = await serve()
  const limiter = app.createRateLimiter({
    policies: [
      { name: 'calls', max: 2, timeWindow: '1h', cost: 1 },
      { name: 'tokens', max: 100, timeWindow: '1h' }
    ]
  })
  const left = async () => (await limiter.peek('a')).each?.map(({ remaining }) => remaining)
  t.match(await limiter.check('a', { cost: 101 }), { allowed: false, policy: 'tokens' })
  t.strictSame(await left(), [2, 100])
  const reservation = await limiter.reserve('a', { cost: 60 })
  t.match(reservation.decision, { allowed: true, policy: 'calls' })
  t.strictSame(await left(), [1, 40], 'a policy with a cost of its own keeps it')
  await reservation.settle(25)
  t.strictSame(await left(), [1, 75])
  await (await limiter.reserve('a', { cost: 60 })).cancel()
  t.strictSame(await left(), [1, 75], 'cancelled is all that was charged')
})

t.test('a limiter without options has the limit of the plugin', async (t) => {
  const app = await serve({ max: 3 })
  app.get('/', ok)
  const limiter = app.createRateLimiter()
  await app.inject('/')
  t.match(await limiter.check('127.0.0.1'), { allowed: true, policy: 'default', remaining: 1 })
  await limiter.ban('127.0.0.1', '10s')
  const banned = await app.inject('/')
  t.equal(banned.statusCode, 429)
  t.match(banned.headers, { 'retry-after': '10', ratelimit: '"default";r=0;t=10' })
  t.match(banned.json(), {
    type: 'https://iana.org/assignments/http-problem-types#abnormal-usage-detected',
    title: 'Abnormal usage detected',
    detail: 'Rate limit exceeded. Try again in 10 s.'
  })
  t.notOk('violated-policies' in banned.json(), 'no policy was exceeded')
  await limiter.reset('127.0.0.1')
  t.match((await app.inject('/')).headers, { ratelimit: /r=2/ })
})

t.test('a limiter may belong to a group of routes', async (t) => {
  const app = await serve()
  app.get('/', { config: { rateLimit: { groupId: 'login', max: 1 } } }, ok)
  const limiter = app.createRateLimiter({ groupId: 'login', max: 1 })
  await app.inject('/')
  t.match(await limiter.check('127.0.0.1'), { allowed: false, policy: 'login' })
})

t.test('a reservation', async (t) => {
  t.test('charges at once, and in the end the actual cost', async (t) => {
    const limiter = (await serve()).createRateLimiter({ max: 10 })
    const less = await limiter.reserve('a', { cost: 8 })
    t.match(less.decision, { allowed: true, remaining: 2 })
    await less.settle(3)
    t.equal(await remaining(limiter, 'a'), 7)
    const more = await limiter.reserve('a', { cost: 1 })
    await more.settle(4)
    t.equal(await remaining(limiter, 'a'), 3)
    const muchMore = await limiter.reserve('a', { cost: 1 })
    await muchMore.settle(1000)
    t.equal(await remaining(limiter, 'a'), 0, 'as far as there was anything left')
  })

  t.test('is settled or cancelled once', async (t) => {
    const limiter = (await serve()).createRateLimiter({ max: 10 })
    const settled = await limiter.reserve('a', { cost: 8 })
    await settled.settle(6)
    await settled.settle(0)
    await settled.cancel()
    t.equal(await remaining(limiter, 'a'), 4)
    const cancelled = await limiter.reserve('a', { cost: 4 })
    await cancelled.cancel()
    await cancelled.cancel()
    await cancelled.settle(4)
    t.equal(await remaining(limiter, 'a'), 4)
  })

  t.test('that was denied has nothing to settle', async (t) => {
    const limiter = (await serve()).createRateLimiter({ max: 1 })
    const denied = await limiter.reserve('a', { cost: 2 })
    t.match(denied.decision, { allowed: false })
    await denied.settle(1)
    await denied.cancel()
    t.equal(await remaining(limiter, 'a'), 1)
  })

  t.test('that is settled late gives back what has not come back by itself', async (t) => {
    const time = clock(t)
    const limiter = (await serve()).createRateLimiter({ max: 10, timeWindow: 10_000 })
    const late = await limiter.reserve('a', { cost: 10 })
    time.goOn(4000)
    t.equal(await remaining(limiter, 'a'), 4)
    await late.settle(3)
    t.equal(await remaining(limiter, 'a'), 10, 'three came back by themselves')
    const tooLate = await limiter.reserve('a', { cost: 10 })
    time.goOn(10_000)
    await limiter.check('a', { cost: 10 })
    await tooLate.cancel()
    t.equal(await remaining(limiter, 'a'), 0, 'all ten did, and were taken again')
  })

  t.test('has expired for a client that was reset', async (t) => {
    const limiter = (await serve()).createRateLimiter({ max: 10 })
    const reservation = await limiter.reserve('a', { cost: 10 })
    await limiter.reset('a')
    await limiter.check('a', { cost: 10 })
    await reservation.cancel()
    t.equal(await remaining(limiter, 'a'), 0)
  })
})

t.test('a ban', async (t) => {
  t.test('denies everything until it ends', async (t) => {
    const time = clock(t)
    const limiter = (await serve()).createRateLimiter({ max: 10 })
    await limiter.ban('a', '1 minute')
    for (const decision of [
      limiter.checkSync('a'),
      await limiter.peek('a', { cost: 0 }),
      (await limiter.reserve('a')).decision
    ]) {
      t.match(decision, { allowed: false, reason: 'banned', retryAfter: 60_000, remaining: 0 })
    }
    t.ok(limiter.checkSync('b').allowed)
    time.goOn(59_999)
    t.match(limiter.checkSync('a'), { allowed: false })
    time.goOn(1)
    t.match(limiter.checkSync('a'), { allowed: true, remaining: 9 }, 'it was charged nothing')
  })

  t.test('takes the place of an earlier one', async (t) => {
    const time = clock(t)
    const limiter = (await serve()).createRateLimiter({ max: 10 })
    await limiter.ban('a', 0)
    t.ok(limiter.checkSync('a').allowed)
    await limiter.ban('a', '1h')
    await limiter.ban('a', '1s')
    t.match(limiter.checkSync('a'), { retryAfter: 1000 })
    await limiter.ban('a', 0)
    await limiter.ban('b', 0)
    t.ok(limiter.checkSync('a').allowed)
    await limiter.ban('a', '1s')
    time.goOn(2000)
    await limiter.ban('a', '1s')
    t.notOk(limiter.checkSync('a').allowed, 'banned again')
  })

  t.test('of one of its keys is a ban of the request', async (t) => {
    const app = await serve()
    const limiter = app.createRateLimiter({
      policies: [
        { name: 'client', max: 9, timeWindow: '1h' },
        { name: 'tenant', max: 9, timeWindow: '1h', keyGenerator: () => 'acme' }
      ]
    })
    app.get('/', (request) => limiter.check(request))
    app.get('/ban', async (request) => limiter.ban(request, '1m'))
    await limiter.ban('acme', '1m')
    t.match((await app.inject('/')).json(), { reason: 'banned' })
    await limiter.reset('acme')
    await app.inject('/ban')
    t.match(limiter.checkSync('acme'), { reason: 'banned' })
    t.match(limiter.checkSync('127.0.0.1'), { reason: 'banned' })
  })
})

t.test('only failures count, when the outcome is charged', async (t) => {
  const app = await serve()
  const failures = app.createRateLimiter({ max: 2 })
  app.post<{ Body: { name: string; right: boolean } }>('/login', async ({ body }, reply) => {
    const attempt = await failures.reserve(body.name)
    if (!attempt.decision.allowed) return reply.code(429).send()
    if (!body.right) return reply.code(401).send()
    await attempt.cancel()
    return reply.send('welcome')
  })
  const log = async (right: boolean) => {
    const payload = { name: 'alice', right }
    return (await app.inject({ method: 'POST', url: '/login', payload })).statusCode
  }
  const codes: number[] = []
  for (const right of [true, true, true, false, true, false, true]) codes.push(await log(right))
  t.strictSame(codes, [200, 200, 200, 401, 200, 401, 429])
})

t.test('a wrong question is refused with the reason', async (t) => {
  const app = await serve()
  const limiter = app.createRateLimiter({ max: 1 })
  const invalid = { code: 'HOLDFAST_ERR_OPTION_INVALID' }
  const fromClient = { raw: { headers: {} }, ip: '192.0.2.1', headers: {} }
  for (const wrong of ['', 5, null, undefined, {}, fromClient] as string[]) {
    await t.rejects(limiter.check(wrong), {
      ...invalid,
      message: /"requestOrKey" must be a request, or text that is not empty/
    })
    await t.rejects(limiter.reset(wrong), invalid)
    t.throws(() => limiter.checkSync(wrong), invalid)
  }
  for (const cost of [-1, 0.5, Infinity, '5'] as number[]) {
    await t.rejects(limiter.check('a', { cost }), {
      ...invalid,
      message: /"options\.cost" must be/
    })
    const reservation = await limiter.reserve('b', { cost: 0 })
    await t.rejects(reservation.settle(cost), { ...invalid, message: /"actualCost" must be/ })
  }
  for (const options of [{ costs: 2 }, 3, null] as object[]) {
    await t.rejects(limiter.check('a', options), { message: /option/ })
  }
  for (const duration of [-1, 'soon', '366 days', 0.5]) {
    await t.rejects(limiter.ban('a', duration), { message: /"ban\.duration" must be/ })
  }
  t.throws(() => app.createRateLimiter({ headers: false } as RateLimitOptions), {
    message: /app\.createRateLimiter: the option "headers" does not exist/
  })
})

t.test('a key alone is not enough for what depends on the request', async (t) => {
  const app = await serve()
  for (const [option, value] of [
    ['max', () => 1],
    ['timeWindow', () => 1000],
    ['cost', () => 1],
    ['allowList', () => false]
  ] as const) {
    const limiter = app.createRateLimiter({ [option]: value })
    await t.rejects(limiter.check('a'), {
      code: 'HOLDFAST_ERR_RATE_LIMIT_REQUEST_NEEDED',
      message: new RegExp(`"${option}" is a function of the request`)
    })
    await limiter.reset('a')
    await limiter.ban('a', 1000)
  }
  const limiter = app.createRateLimiter({ cost: () => 1, max: 5, allowList: ['127.0.0.1'] })
  t.match(await limiter.check('job', { cost: 2 }), { reason: 'within', remaining: 3 })
})

t.test('checkSync refuses where a function would have to be waited for', async (t) => {
  const app = await serve()
  const limiter = app.createRateLimiter({ keyGenerator: async () => 'a' })
  app.get('/', (request) => limiter.checkSync(request))
  t.match((await app.inject('/')).json(), { code: 'HOLDFAST_ERR_RATE_LIMIT_NOT_SYNCHRONOUS' })
})

t.test('messages of a WebSocket are limited one by one', async (t) => {
  const app = await serve({ global: false })
  t.teardown(() => app.close())
  await app.register(websocket)
  const messages = app.createRateLimiter({ max: 3 })
  app.get('/', { websocket: true }, (socket, request) => {
    socket.on('message', (text: unknown) => {
      const { allowed } = messages.checkSync(request)
      socket.send(allowed ? String(text) : 'too many')
    })
  })
  const socket = new WebSocket(`ws://127.0.0.1:${await listen(app)}`)
  const answers: string[] = []
  await new Promise((resolve, reject) => {
    socket.addEventListener('error', reject)
    socket.addEventListener('open', () => {
      for (const text of ['a', 'b', 'c', 'd', 'e']) socket.send(text)
    })
    socket.addEventListener('message', ({ data }) => {
      if (answers.push(String(data)) === 5) resolve(undefined)
    })
  })
  t.strictSame(answers, ['a', 'b', 'c', 'too many', 'too many'])
  socket.close()
})

t.test('an address as text means the client that has it, however it is written', async (t) => {
  const app = await serve()
  const limiter = app.createRateLimiter({ max: 2 })
  const spellings: Record<string, string> = {
    '2001:DB8::1': '2001:db8:0:0:ffff::9',
    '::ffff:192.0.2.1': '192.0.2.1',
    '64:ff9b::192.0.2.2': '192.0.2.2:5004',
    '198.51.100.7': '198.51.100.7'
  }
  app.get('/', async (request) => (await limiter.check(request)).allowed)
  for (const [text, remoteAddress] of Object.entries(spellings)) {
    const asked = async () => (await app.inject({ url: '/', remoteAddress })).json()
    t.ok(await asked())
    t.equal(await remaining(limiter, text), 1, text)
    const reservation = await limiter.reserve(text)
    t.notOk(await asked(), 'reserved')
    await reservation.cancel()
    await limiter.check(text)
    t.notOk(await asked(), 'checked')
    await limiter.reset(text)
    t.ok(await asked(), 'reset')
    await limiter.ban(text, '1 minute')
    t.notOk(await asked(), 'banned')
  }
})

t.test('text is a key where addresses do not tell clients apart', async (t) => {
  const app = await serve()
  const byUser = app.createRateLimiter({ max: 2, keyGenerator: () => '192.0.2.1' })
  await byUser.check('::ffff:192.0.2.1')
  t.equal(await remaining(byUser, '192.0.2.1'), 2)
  const policies = [
    { name: 'user', max: 2, timeWindow: '1 minute', keyGenerator: () => 'ann' },
    { name: 'network', max: 3, timeWindow: '1 minute', ipv6Subnet: 48 }
  ]
  const both = app.createRateLimiter({ policies })
  await both.check('2001:db8::1')
  const { each } = await both.peek('2001:db8:0:9::')
  t.match(each, [{ remaining: 2 }, { remaining: 2 }], 'two users of one network')
})

t.test('an address as text is compared with the allow list', async (t) => {
  const app = await serve()
  const allowList = ['10.0.0.0/8']
  const limiter = app.createRateLimiter({ max: 0, allowList })
  t.ok(limiter.checkSync('::ffff:10.0.0.1').allowed)
  t.notOk(limiter.checkSync('192.0.2.1').allowed)
  const byUser = app.createRateLimiter({ max: 0, allowList, keyGenerator: () => 'ann' })
  t.notOk(byUser.checkSync('10.0.0.1').allowed)
})
