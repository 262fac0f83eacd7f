import { requestQuestion } from '../harness/request-question.js'
import { onRequestPath } from '../variants/names.js'

export const suite = requestQuestion({
  name: 'suite',
  title: 'Everything together',
  asks: "What does the whole suite add (limit with headers, route breaker, pressure sensor, drain, one line), beside @fastify/rate-limit, @fastify/circuit-breaker, @fastify/under-pressure and Fastify's logger?",
  versions: ['@fastify/rate-limit', '@fastify/circuit-breaker', '@fastify/under-pressure', 'pino'],
  variants: [onRequestPath.peers, onRequestPath.suite],
  pairs: [{ ours: onRequestPath.suite, peer: onRequestPath.peers, aim: 0.4 }],
  http: [onRequestPath.peers, onRequestPath.suite]
})
