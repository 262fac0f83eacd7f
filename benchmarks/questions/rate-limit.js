import { requestQuestion } from '../harness/request-question.js'
import { onRequestPath } from '../variants/names.js'

export const rateLimit = requestQuestion({
  name: 'rate-limit',
  title: 'A limited request',
  asks: 'What does a limit add to a request it allows, headers included, and to one it refuses?',
  versions: ['@fastify/rate-limit'],
  variants: [
    onRequestPath.fastifyRateLimit,
    onRequestPath.rateLimit,
    onRequestPath.rateLimitWithoutHeaders,
    onRequestPath.rateLimitOfTenPolicies,
    onRequestPath.fastifyRateLimitRefused,
    onRequestPath.rateLimitRefused
  ],
  pairs: [
    { ours: onRequestPath.rateLimit, peer: onRequestPath.fastifyRateLimit, aim: 0.65 },
    { ours: onRequestPath.rateLimitRefused, peer: onRequestPath.fastifyRateLimitRefused, aim: 0.2 }
  ],
  wholes: [
    {
      more: onRequestPath.rateLimitOfTenPolicies,
      less: onRequestPath.rateLimit,
      aim: 3
    }
  ],
  plot: 'A limited request: added CPU, hot',
  http: [
    onRequestPath.fastifyRateLimit,
    onRequestPath.rateLimit,
    onRequestPath.fastifyRateLimitRefused,
    onRequestPath.rateLimitRefused
  ]
})
