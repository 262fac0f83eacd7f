import { requestQuestion } from '../harness/request-question.js'
import { onRequestPath } from '../variants/names.js'

/** What the peers' stack is made of. */
export const PEERS = [
  '@fastify/rate-limit',
  '@fastify/circuit-breaker',
  '@fastify/under-pressure',
  'close-with-grace',
  'pino-http'
]

export const suite = requestQuestion({
  name: 'suite',
  title: 'Everything together',
  asks: 'What does the whole suite add (limit with headers, route breaker, pressure sensor, drain, one line), beside @fastify/rate-limit, @fastify/circuit-breaker, @fastify/under-pressure, close-with-grace and pino-http?',
  versions: PEERS,
  variants: [onRequestPath.peers, onRequestPath.suiteWithoutLine, onRequestPath.suite],
  pairs: [{ ours: onRequestPath.suite, peer: onRequestPath.peers, aim: 0.7 }]
})
