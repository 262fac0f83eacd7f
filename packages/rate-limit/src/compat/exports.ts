/**
 * What `import` gets. TypeScript before 5.6 reads its types here, because it does not know the name that
 * `index.ts` adds for `require()`.
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
