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
  asks: 'What does the whole suite add (lifecycle with pressure sensor and drain, load shedding in shadow mode, limit with headers, route breaker, one line; outgoing is off until it is asked for), beside @fastify/rate-limit, @fastify/circuit-breaker, @fastify/under-pressure, close-with-grace and pino-http?',
  versions: PEERS,
  background:
    'two thirds of what the suite adds are its line, and of the line a third is the write and the logger that Fastify makes for each request; the peers write their line without such a logger of Fastify. Of the rest, the largest part is that Node checks and writes the header fields of the limit.',
  variants: [onRequestPath.peers, onRequestPath.suiteWithoutLine, onRequestPath.suite],
  pairs: [{ ours: onRequestPath.suite, peer: onRequestPath.peers, aim: 0.7 }]
})
