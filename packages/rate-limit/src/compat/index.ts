/**
 * The options, decorators, exports and semantics of `@fastify/rate-limit` 11, for apps on their way
 * to this package's own plugin.
 *
 * @module
 */
import { fastifyRateLimit, normalizeIP } from './exports.ts'

export * from './exports.ts'
export { default } from './exports.ts'

// What `require()` answers with: the plugin itself, with everything else on it.
Object.assign(fastifyRateLimit, { default: fastifyRateLimit, fastifyRateLimit, normalizeIP })

export { fastifyRateLimit as 'module.exports' }
