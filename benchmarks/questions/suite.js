import { requestQuestion } from '../harness/request-question.js'

export const suite = requestQuestion({
  name: 'suite',
  title: 'Everything together',
  asks: "What does the whole suite add (limit with headers, route breaker, pressure sensor, drain, one line), beside @fastify/rate-limit, @fastify/circuit-breaker, @fastify/under-pressure and Fastify's logger?",
  versions: ['@fastify/rate-limit', '@fastify/circuit-breaker', '@fastify/under-pressure', 'pino'],
  variants: ["the peers' stack", 'the holdfast suite'],
  pairs: [{ ours: 'the holdfast suite', peer: "the peers' stack", aim: 0.4 }],
  http: ["the peers' stack", 'the holdfast suite']
})
