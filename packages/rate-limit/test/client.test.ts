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

t.test('clients are counted by what keyGenerator calls them', async (t) => {
  const named = serve({ max: 1, keyGenerator: (request) => String(request.headers.user) })
  t.strictSame(await statuses(named, 'alice', 'bob', 'alice'), [200, 200, 429])
  const numbered = serve({ max: 1, keyGenerator: (request) => Number(request.headers.user) })
  t.strictSame(await statuses(numbered, '1', '2', '1'), [200, 200, 429])
})

t.test('a keyGenerator that fails is logged once; such requests share one budget', async (t) => {
  const failing: Record<string, [unknown, RegExp]> = {
    throws: [
      () => {
        throw new Error('no user')
      },
      /^rateLimit\.keyGenerator threw: such requests share one budget\..*logged once/
    ],
    'answers undefined': [() => undefined, /keyGenerator answered with neither text nor a number/],
    'answers NaN': [() => NaN, /keyGenerator answered with neither text nor a number/],
    'answers an object': [() => ({}), /keyGenerator answered with neither text nor a number/],
    'answers nothing': [() => '', /keyGenerator answered with an empty text/],
    'is async': [async () => 'alice', /keyGenerator answered with neither text nor a number/],
    'is async and fails': [
      async () => {
        throw new Error('no user')
      },
      /keyGenerator answered with neither text nor a number/
    ]
  }
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
  }
})

t.test('a long key counts whole, and takes no more room than a short one', async (t) => {
  const service = serve({ max: 1, keyGenerator: (request) => String(request.headers.user) })
  const long = 'x'.repeat(10_000)
  t.strictSame(await statuses(service, `${long}a`, `${long}b`, `${long}a`), [200, 200, 429])
})

t.test('addresses on the allow list go unlimited, in any spelling', async (t) => {
  const { app } = serve({ max: 1, allowList: ['192.0.2.1', '2001:DB8:0::1'] })
  const ask = async (remoteAddress: string) => {
    const { statusCode, headers } = await app.inject({ url: '/', remoteAddress })
    return [statusCode, headers.ratelimit !== undefined]
  }
  for (const address of ['192.0.2.1', '::ffff:192.0.2.1', '2001:db8::1']) {
    t.strictSame(await ask(address), [200, false])
    t.strictSame(await ask(address), [200, false])
  }
  t.strictSame(await ask('2001:db8::2'), [200, true], 'a neighbour is limited, on its own')
  t.strictSame(await ask('2001:db8::2'), [429, true])
})

t.test('a function may allow, and the facts say so', async (t) => {
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
  const failing = {
    throws: () => {
      throw new Error('no list')
    },
    'answers no boolean': () => 'yes',
    'is async': async () => true,
    'is async and fails': async () => {
      throw new Error('no list')
    }
  }
  for (const [how, allowList] of Object.entries(failing)) {
    const service = serve({ max: 1, allowList: allowList as () => boolean })
    t.strictSame(await statuses(service, 'a', 'b', 'c'), [200, 429, 429], how)
    t.equal(service.lines.length, 1, how)
    t.match(service.lines[0]?.msg, /^rateLimit\.allowList .*: the limit applied\./, how)
  }
})

t.test('behind a trusted proxy the client is whom the proxy names', async (t) => {
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
  t.match((await app.inject('/inside')).headers, { ratelimit: /r=49/ })
})
