/**
 * Gives Fastify the ids of its requests.
 */
import type { IncomingMessage } from 'node:http'
import {
  beginTrace,
  hasDefaultRequestIds,
  logControllerOf,
  setTrace,
  traceOf
} from '@holdfast/core'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { acceptedId, uuidv7, VISIBLE } from '../request-id.ts'
import type { IncomingId, ResolvedRequestIdOptions } from '../request-id-options.ts'
import { keepsTrace } from '../sampling.ts'
import type { ActiveSpan } from './open-telemetry.ts'

/**
 * Gives Fastify the ids, when the user asked for it, or set ids neither here nor in Fastify.
 *
 * @param sample the share of lines written, 0 to 1; traces that begin here are marked as sampled in
 * this share
 */
export function provideRequestIds(
  app: FastifyInstance,
  options: ResolvedRequestIdOptions,
  activeSpan: ActiveSpan | undefined,
  sample: number
): void {
  if (!options.explicit && !hasDefaultRequestIds(app)) return
  const { incoming } = options
  const isSampled = (traceId: string): boolean => keepsTrace(traceId, sample)
  const generate =
    options.generate === 'uuidv7'
      ? () => uuidv7(Date.now())
      : (raw: IncomingMessage) => traceIdOf(raw, activeSpan, isSampled)
  const idOf = (raw: IncomingMessage): string =>
    (incoming && incomingId(raw, incoming)) ?? generate(raw)
  app.setGenReqId(idOf)
}

/** The name under which Fastify binds the id of a request to `request.log`. */
export function idLabelOf(app: FastifyInstance): string {
  const controller: { readonly requestIdLogLabel?: unknown } = logControllerOf(app) ?? {}
  const { requestIdLogLabel } = app.initialConfig
  const label = controller.requestIdLogLabel ?? requestIdLogLabel
  return typeof label === 'string' && label !== '' ? label : 'reqId'
}

/** Sends the id of a request back, when it can be the value of a header. */
export function echoId(request: FastifyRequest, reply: FastifyReply, header: string): void {
  const id = acceptedId(request.id, VISIBLE)
  if (id !== undefined) reply.header(header, id)
}

function incomingId(
  raw: IncomingMessage,
  { name, pattern, trusted }: IncomingId
): string | undefined {
  const id = acceptedId(raw.headers[name], pattern)
  if (id === undefined || trusted === undefined) return id
  return trusted.has(raw.socket.remoteAddress) ? id : undefined
}

function traceIdOf(
  raw: IncomingMessage,
  activeSpan: ActiveSpan | undefined,
  isSampled: (traceId: string) => boolean
): string {
  const trace = activeSpan?.() ?? traceOf(raw) ?? beginTrace(isSampled)
  setTrace(raw, trace)
  return trace.traceId
}
