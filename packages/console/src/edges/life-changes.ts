/**
 * Hears of the phases of a service's life, some of which are shorter than a second.
 */
import diagnosticsChannel from 'node:diagnostics_channel'
import { guardedCall } from '@holdfast/core'
import type { FastifyInstance } from 'fastify'

/** The channel of @holdfast/lifecycle: this is the part of its payload that is read. */
const CHANNEL = 'holdfast:lifecycle:state'

interface LifeChange {
  readonly app: Pick<FastifyInstance, 'server'>
  readonly state: string
}

/**
 * Calls `listener` with each phase that an app enters, until the returned function is called.
 *
 * @param server of the app
 */
export function watchLife(
  server: FastifyInstance['server'],
  listener: (phase: string) => void
): () => void {
  const hear = ({ app, state }: LifeChange): void => {
    if (app.server === server) listener(state)
  }
  const guarded = (message: unknown): void => {
    guardedCall(hear, `the console, which listens to the channel ${CHANNEL}`, message as LifeChange)
  }
  diagnosticsChannel.subscribe(CHANNEL, guarded)
  return () => {
    diagnosticsChannel.unsubscribe(CHANNEL, guarded)
  }
}
