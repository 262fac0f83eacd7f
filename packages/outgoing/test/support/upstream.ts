/**
 * An app with one upstream.
 */
import { circuitBreaker } from '@holdfast/circuit-breaker'
import { outgoing, type Upstream, type UpstreamOptions } from '@holdfast/outgoing'
import Fastify, { type FastifyInstance } from 'fastify'
import type { Test } from 'tap'

/** An app with the upstream `payments`, until the test is over. Its breaker never opens by itself. */
export async function payments(
  t: Test,
  options: UpstreamOptions
): Promise<{ app: FastifyInstance; upstream: Upstream }> {
  const app = Fastify({ forceCloseConnections: true })
  t.teardown(() => app.close())
  await app.register(circuitBreaker, { threshold: 1_000_000 })
  await app.register(outgoing, {})
  return { app, upstream: app.upstream('payments', options) }
}
