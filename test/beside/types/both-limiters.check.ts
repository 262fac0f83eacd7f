// The suite's types are read first: there they could break those of the other.
/// <reference types="@holdfast/rate-limit" />
/**
 * Checked by `tsc -b`, never run: @fastify/rate-limit and the limiter of the suite in one program.
 */
import fastifyRateLimit from '@fastify/rate-limit'
import { rateLimit } from '@holdfast/rate-limit'
import Fastify from 'fastify'

const app = Fastify()
app.register(async (scope) => {
  await scope.register(fastifyRateLimit, { max: 5 })
  scope.get('/', { config: { rateLimit: { max: 5 } } }, () => 'ok')
  scope.get('/hook', { preHandler: scope.rateLimit({ max: 3, ban: 3 }) }, () => 'ok')
})
app.register(async (scope) => {
  await scope.register(rateLimit, { max: 5, burst: 2 })
  scope.get('/', { config: { rateLimit: { max: 5 } } }, () => 'ok')
  scope.get('/onRequest', { onRequest: scope.rateLimit({ max: 3, burst: 3 }) }, () => 'ok')
  scope.get('/preParsing', { preParsing: scope.rateLimit({ max: 3, burst: 3 }) }, () => 'ok')
  scope.get('/preValidation', { preValidation: scope.rateLimit({ policies: [] }) }, () => 'ok')
  scope.get('/preHandler', { preHandler: scope.rateLimit() }, () => 'ok')
  scope.addHook('onRequest', scope.rateLimit({ max: 3 }))
})
