/**
 * Clients and what users' functions say of them: `edges/clients.ts`, `edges/user-function.ts`,
 * `edges/when-known.ts` and `edges/policy-resolver.ts`.
 */
import { factsOf } from '@holdfast/core'
import { type KeyGenerator, type RateLimitOptions, rateLimit } from '@holdfast/rate-limit'
import Fastify, { type FastifyInstance } from 'fastify'
import t from 'tap'

interface Service {
  readonly app: FastifyInstance
  readonly lines: Record<string, unknown>[]
}

function serve(options: RateLimitOptions, trustProxy = false): Service {
  const lines: Record<string, unknown>[] = []
  const stream = { write: (line: string) => lines.push(JSON.parse(line)) }
  const app = Fastify({ trustProxy, logger: { level: 'error', stream } })
  app.register(rateLimit, options)
  app.get('/', () => 'ok')
  return { app, lines }
}

async function statuses({ app }: Service, ...users: (string | undefined)[]) {
  const codes: number[] = []
  for (const user of users) {
    const headers = user === undefined ? {} : { user }
    codes.push((await app.inject({ url: '/', headers })).statusCode)
  }
  return codes
}

t.test('clients are counted by the key that keyGenerator returns', async (t) => {
  const named = serve({ max: 1, keyGenerator: (request) => String(request.headers.user) })
  t.strictSame(await statuses(named, 'alice', 'bob', 'alice'), [200, 200, 429])
  const numbered = serve({ max: 1, keyGenerator: (request) => Number(request.headers.user) })
  t.strictSame(await statuses(numbered, '1', '2', '1'), [200, 200, 429])
})

/** Throws at whatever is done with it. */
const hostile = new Proxy(
  {},
  {
    get() {
      throw new Error('do not touch')
    },
    getPrototypeOf() {
      throw new Error('do not touch')
    }
  }
)

const failing: Record<string, [unknown, RegExp]> = {
  throws: [
    () => {
      throw new Error('nobody')
    },
    /threw/
  ],
  'throws something hostile': [
    () => {
      throw hostile
    },
    /threw/
  ],
  'answers undefined': [() => undefined, /returned something other than/],
  'answers NaN': [() => NaN, /returned something other than/],
  'answers an object': [() => ({}), /returned something other than/],
  'answers with something hostile': [() => hostile, /threw/],
  'answers nothing': [() => '', /returned something other than/],
  'answers nothing later': [async () => null, /returned something other than/],
  'fails later': [
    async () => {
      throw new Error('nobody')
    },
    /threw/
  ]
}

t.test('a promise of another library is waited for, and its failure is logged', async (t) => {
  // biome-ignore lint/suspicious/noThenProperty: such promises are nothing else
  const later = (key: string) => ({ then: (resolve: (key: string) => void) => resolve(key) })
  const named = serve({
    max: 1,
    keyGenerator: ({ headers }) => later(String(headers.user)) as unknown as Promise<string>
  })
  t.strictSame(await statuses(named, 'alice', 'bob', 'alice'), [200, 200, 429])
  // biome-ignore lint/suspicious/noThenProperty: such promises are nothing else
  const never = { then: (_: unknown, reject: (error: Error) => void) => reject(new Error('no')) }
  const failing = serve({ max: 1, keyGenerator: () => never as unknown as Promise<string> })
  t.strictSame(await statuses(failing, 'alice', 'bob'), [200, 429])
  t.match(failing.lines, [{ msg: /^rateLimit\.keyGenerator threw/ }])
})

t.test('a keyGenerator that fails is logged once; such requests share one limit', async (t) => {
  for (const [how, [broken, message]] of Object.entries(failing)) {
    const keyGenerator: KeyGenerator = (request) =>
      request.headers.user?.toString() ?? (broken as KeyGenerator)(request)
    const service = serve({ max: 2, keyGenerator })
    t.strictSame(
      await statuses(service, undefined, undefined, undefined, 'alice'),
      [200, 200, 429, 200],
      how
    )
    t.equal(service.lines.length, 1, how)
    t.match(service.lines[0]?.msg, message, how)
    t.match(service.lines[0]?.msg, /^rateLimit\.keyGenerator .*share one limit.*logged once/)
  }
})

t.test('max, timeWindow and cost that fail are logged once, and a limit applies', async (t) => {
  for (const [how, [broken, message]] of Object.entries(failing)) {
    for (const option of ['max', 'timeWindow', 'cost']) {
      const service = serve({ max: 1000, [option]: broken } as RateLimitOptions)
      const limits: unknown[] = []
      for (let index = 0; index < 2; index++) {
        const { statusCode, headers } = await service.app.inject('/')
        limits.push([statusCode, headers['ratelimit-policy'], headers.ratelimit])
      }
      t.match(
        limits,
        // A token comes back in 60 ms.
        [
          [200, '"default";q=1000;w=60', /r=999/],
          [200, '"default";q=1000;w=60', /r=99[89]/]
        ],
        `${option} ${how}`
      )
      t.equal(service.lines.length, 1)
      t.match(service.lines[0]?.msg, message)
    }
  }
})

t.test('max, timeWindow and cost may be functions, which return at once or later', async (t) => {
  for (const later of [false, true]) {
    const answer = (value: number) => (later ? Promise.resolve(value) : value)
    const service = serve({
      keyGenerator: (request) => String(request.headers.user),
      max: (_, key) => answer(key === 'pro' ? 10 : 2),
      timeWindow: () => answer(30_000),
      cost: (request) => answer(request.headers.user === 'pro' ? 5 : 1)
    })
    t.strictSame(
      await statuses(service, 'free', 'free', 'free', 'pro', 'pro', 'pro'),
      [200, 200, 429, 200, 200, 429]
    )
    const { headers } = await service.app.inject({ url: '/', headers: { user: 'pro' } })
    t.equal(headers['ratelimit-policy'], '"default";q=10;w=30')
    t.equal(headers['retry-after'], '15')
  }
})

t.test(
  'a duration may be asked for in words, and as many limits as there are clients',
  async (t) => {
    const service = serve({
      keyGenerator: (request) => String(request.headers.user),
      max: (_, key) => Number(key),
      timeWindow: () => '1 hour' as unknown as number
    })
    for (let max = 1; max <= 1002; max++) {
      const { headers } = await service.app.inject({ url: '/', headers: { user: String(max) } })
      if (headers['ratelimit-policy'] !== `"default";q=${max};w=3600`) t.fail(`${max}`)
    }
    t.strictSame(service.lines, [])
  }
)

t.test('a function cannot return more than a window can count', async (t) => {
  const service = serve({ max: () => 2 ** 32, algorithm: 'fixed-window' })
  t.match((await service.app.inject('/')).headers, { ratelimit: /r=999/ })
  t.match(service.lines, [{ msg: /max returned something other/ }])
})

t.test(
  'a cost above what is ever allowed at once is denied as such, one of nothing is free',
  async (t) => {
    const service = serve({ max: 2, cost: (request) => Number(request.headers.user) })
    const { statusCode, headers, body } = await service.app.inject({
      url: '/',
      headers: { user: '3' }
    })
    t.equal(statusCode, 429)
    t.notOk(headers['retry-after'])
    t.match(JSON.parse(body), {
      detail: 'Rate limit exceeded. Requests like this are never allowed.'
    })
    t.strictSame(await statuses(service, '2', '0', '0', '1'), [200, 200, 200, 429])
  }
)

t.test('a long key counts whole, and takes no more room than a short one', async (t) => {
  const service = serve({ max: 1, keyGenerator: (request) => String(request.headers.user) })
  const long = 'x'.repeat(10_000)
  t.strictSame(await statuses(service, `${long}a`, `${long}b`, `${long}a`), [200, 200, 429])
})

t.test('addresses on the allow list go unlimited, in any spelling', async (t) => {
  const { app } = serve({ max: 1, allowList: ['192.0.2.1', '2001:DB8:0::1', '10.0.0.0/8'] })
  const ask = async (remoteAddress: string) => {
    const { statusCode, headers } = await app.inject({ url: '/', remoteAddress })
    return [statusCode, headers.ratelimit !== undefined]
  }
  for (const address of ['192.0.2.1', '::ffff:192.0.2.1', '2001:db8::1', '10.1.2.3']) {
    t.strictSame(await ask(address), [200, false])
    t.strictSame(await ask(address), [200, false])
  }
  t.strictSame(await ask('2001:db8::2'), [200, true], 'a neighbour is limited, on its own')
  t.strictSame(await ask('2001:db8::2'), [429, true])
})

t.test('a function may be the allow list, and the facts say so', async (t) => {
  const facts: unknown[] = []
  const service = serve({
    max: 1,
    keyGenerator: (request) => String(request.headers.user),
    allowList: (request, key) => key === 'root' && request.method === 'GET'
  })
  service.app.addHook('onResponse', async (request) => {
    facts.push(factsOf(request).rateLimit)
  })
  t.strictSame(await statuses(service, 'root', 'root', 'alice', 'alice'), [200, 200, 200, 429])
  t.match(facts[1], { allowed: true, reason: 'allow-listed', limit: 1, remaining: 1 })
})

t.test('an allow list that fails is logged once and the limit applies', async (t) => {
  for (const [how, [broken, message]] of Object.entries(failing)) {
    const service = serve({ max: 1, allowList: broken as () => boolean })
    t.strictSame(await statuses(service, 'a', 'b', 'c'), [200, 429, 429], how)
    t.equal(service.lines.length, 1, how)
    t.match(service.lines[0]?.msg, message)
    t.match(service.lines[0]?.msg, /^rateLimit\.allowList .*: the limit applied\./, how)
  }
})

t.test('the key may be found out in a later hook', async (t) => {
  const service = serve({
    max: 1,
    keyGenerator: async (request) => String(request.headers.user),
    allowList: async (_, key) => key === 'root'
  })
  t.strictSame(await statuses(service, 'root', 'root', 'alice', 'alice'), [200, 200, 200, 429])
})

t.test('behind a trusted proxy the client is the one that the proxy names', async (t) => {
  const { app } = serve({ max: 1, allowList: ['192.0.2.9'] }, true)
  const ask = async (forwarded: string) =>
    (await app.inject({ url: '/', headers: { 'x-forwarded-for': forwarded } })).statusCode
  t.equal(await ask('192.0.2.1'), 200)
  t.equal(await ask('192.0.2.2'), 200)
  t.equal(await ask('192.0.2.1'), 429)
  t.equal(await ask('192.0.2.9'), 200)
  t.equal(await ask('192.0.2.9'), 200)
})

t.test('an allow-listed request in a nested scope is told the limit that does apply', async (t) => {
  const { app } = serve({ max: 1, allowList: () => true })
  app.register(async (scope) => {
    scope.register(rateLimit, { max: 50 })
    scope.get('/inside', () => 'ok')
  })
  t.match((await app.inject('/inside')).headers, { ratelimit: '"nested";r=49;t=2' })
})
