/**
 * Checked by `tsc -b`, never run: what the types promise to users of HTTP/2, of type providers and of
 * `exactOptionalPropertyTypes`, and to those who write both kinds of hook.
 */
import { factsOf } from '@holdfast/core'
import rateLimit, {
  type RateLimiterOptions,
  type RateLimitOptions,
  type RateLimitPolicy,
  type RateLimitRouteOptions
} from '@holdfast/rate-limit'
import { expectTypeOf } from 'expect-type'
import Fastify, { type FastifyTypeProvider } from 'fastify'

interface Provider extends FastifyTypeProvider {
  readonly validator: { readonly seen: true }
  readonly serializer: string
}

const http2 = Fastify({ http2: true })
const secure = Fastify({ http2: true, https: {} })
const https = Fastify({ https: {} })
const provided = Fastify().withTypeProvider<Provider>()

http2.register(rateLimit, { max: 5 })
secure.register(rateLimit, { max: 5 })
https.register(rateLimit, { max: 5 })
provided.register(rateLimit, { max: 5 })

http2.get('/', async (request) => {
  const limiter = http2.createRateLimiter({ max: 1 })
  await limiter.ban(request, '1 minute')
  return [await limiter.check(request), factsOf(request).rateLimit?.policy]
})
secure.get('/', { onRequest: secure.rateLimit() }, async (request) => {
  const limiter = secure.createRateLimiter()
  return [limiter.checkSync(request), await limiter.peek(request), factsOf(request).refusedBy]
})
https.get('/', { preHandler: https.rateLimit({ max: 2 }) }, async (request) => {
  return [await https.createRateLimiter().reserve(request), factsOf(request).startedAt]
})
provided.get('/', { schema: { body: {} }, config: { rateLimit: { max: 2 } } }, async (request) => {
  const limiter = provided.createRateLimiter()
  await limiter.reset(request)
  return [await limiter.check(request, { cost: undefined }), factsOf(request).rateLimit?.remaining]
})
provided.addHook('onRequest', provided.rateLimit({ max: 3 }))
provided.addHook('preParsing', provided.rateLimit({ max: 3 }))
provided.addHook('preValidation', provided.rateLimit({ max: 3 }))
provided.addHook('preHandler', provided.rateLimit({ max: 3 }))
http2.addHook('onRequest', http2.rateLimit({ max: 3 }))
http2.setNotFoundHandler({ preHandler: http2.rateLimit() }, () => 'not found')

/** Every option may be an explicit `undefined`. */
type Unset<Options> = { readonly [Name in keyof Options]-?: undefined }
expectTypeOf<Unset<RateLimitOptions>>().toExtend<RateLimitOptions>()
expectTypeOf<Unset<RateLimitRouteOptions>>().toExtend<RateLimitRouteOptions>()
expectTypeOf<Unset<RateLimiterOptions>>().toExtend<RateLimiterOptions>()
type PolicyOption = Omit<RateLimitPolicy, 'name' | 'max' | 'timeWindow'>
expectTypeOf<Unset<PolicyOption>>().toExtend<PolicyOption>()
