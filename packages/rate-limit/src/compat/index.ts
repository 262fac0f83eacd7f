/**
 * The options, decorators, exports and semantics of `@fastify/rate-limit` 11, for apps on their way
 * to this package's own plugin.
 *
 * @module
 */
import { normalizeIP } from './normalize-ip.ts'
import { fastifyRateLimit } from './plugin.ts'

export type {
  CreateRateLimitOptions,
  errorResponseBuilderContext,
  FastifyRateLimitOptions,
  FastifyRateLimitStore,
  FastifyRateLimitStoreCtor,
  RateLimitHook,
  RateLimitOptions,
  RateLimitPluginOptions
} from './options.ts'
export { fastifyRateLimit, fastifyRateLimit as default, normalizeIP }

// What `require()` answers with: the plugin itself, with everything else on it.
Object.assign(fastifyRateLimit, { default: fastifyRateLimit, fastifyRateLimit, normalizeIP })

export { fastifyRateLimit as 'module.exports' }
