/**
 * Checked by `tsc -b`, never run: what the types promise to users of the original, and that the
 * native plugin has its place in the same program.
 */
import rateLimit, { type RateLimitHandler } from '@holdfast/rate-limit'
import fastifyRateLimit, {
  type CreateRateLimitOptions,
  type errorResponseBuilderContext,
  type FastifyRateLimitOptions,
  type FastifyRateLimitStore,
  normalizeIP,
  type RateLimitOptions,
  type RateLimitPluginOptions
} from '@holdfast/rate-limit/compat'
import { expectTypeOf } from 'expect-type'
import Fastify from 'fastify'
import { Redis } from 'ioredis'

class Store implements FastifyRateLimitStore {
  readonly options: FastifyRateLimitOptions
  constructor(options: FastifyRateLimitOptions) {
    this.options = options
  }
  incr(
    _key: string,
    callback: (error: Error | null, result?: { current: number; ttl: number }) => void,
    timeWindow: number
  ) {
    callback(null, { current: 1, ttl: timeWindow })
  }
  child() {
    return this
  }
}

const app = Fastify()
const everything: RateLimitPluginOptions = {
  ...{ global: true, max: 3, timeWindow: '5 seconds', cache: 10_000, ban: 10, ipv6Subnet: 64 },
  ...{ skipOnError: true, continueExceeding: false, exponentialBackoff: true, groupId: 'g' },
  ...{ enableDraftSpec: false, nameSpace: 'mine-', redis: new Redis(), store: Store },
  hook: 'preHandler',
  allowList: async (_request, key) => key === 'mine',
  keyGenerator: async (request) => request.ip,
  errorResponseBuilder: (_request, context) => {
    expectTypeOf(context).toEqualTypeOf<errorResponseBuilderContext>()
    return { statusCode: context.statusCode, message: context.after }
  },
  addHeaders: { 'x-ratelimit-limit': false, 'retry-after': true },
  addHeadersOnExceeding: { 'ratelimit-limit': false },
  onExceeding: (_request, key) => expectTypeOf(key).toBeString(),
  onExceeded: () => {},
  onBanReach: () => {}
}
app.register(fastifyRateLimit, everything)
const functions: CreateRateLimitOptions = {
  max: async () => 5,
  timeWindow: (request) => request.id.length
}
app.get('/', { config: { rateLimit: { max: 5, continueExceeding: true } } }, () => 'compat')
app.get('/native', { config: { rateLimit: { max: 5, burst: 2 } } }, () => 'native')
app.get('/none', { config: { rateLimit: false }, preHandler: app.rateLimit(functions) }, () => '')
// @ts-expect-error
app.get('/wrong', { config: { rateLimit: { max: 'five' } } }, () => 'neither')
app.register(async (scope) => {
  scope.register(rateLimit, { max: 5 })
})

expectTypeOf(app.rateLimit()).toEqualTypeOf<RateLimitHandler>()
expectTypeOf(normalizeIP).toBeCallableWith('2001:db8::1', 64)
expectTypeOf(normalizeIP('2001:db8::1')).toBeString()
expectTypeOf<RateLimitOptions>().toMatchTypeOf<CreateRateLimitOptions>()

const check = app.createRateLimit(functions)
app.get('/check', async (request) => {
  const checked = await check(request, { increment: false })
  expectTypeOf(checked.key).toBeString()
  if (checked.isAllowed) expectTypeOf(checked).not.toHaveProperty('remaining')
  else expectTypeOf(checked.isBanned).toBeBoolean()
})

const secure = Fastify({ http2: true })
secure.register(fastifyRateLimit, everything)
secure.after(() => secure.get('/', { preHandler: secure.rateLimit() }, () => 'http2'))
secure.after(() => {
  const checkSecure = secure.createRateLimit()
  secure.get('/checked', (request) => checkSecure(request, { increment: undefined }))
})

/** Every option may be an explicit `undefined`. */
type Unset<Options> = { readonly [Name in keyof Options]-?: undefined }
expectTypeOf<Unset<RateLimitPluginOptions>>().toExtend<RateLimitPluginOptions>()
expectTypeOf<Unset<RateLimitOptions>>().toExtend<RateLimitOptions>()
