/**
 * The seam to `@fastify/http-proxy`: reply-from for its requests, an Agent for its WebSockets.
 */
import type { Agent } from 'node:http'
import { type CodedError, isUpgrade, refuse } from '@holdfast/core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { NOBODY } from '../caller.ts'
import { guardedAgent } from './agent.ts'
import {
  type OwnReplyOptions,
  type ReplyFromClient,
  type ReplyOptions,
  replyOptions
} from './reply-from.ts'
import type { Target } from './target.ts'

/** The options of http-proxy that are the user's own, and still have their effect. */
export interface OwnProxyOptions {
  // biome-ignore lint/suspicious/noExplicitAny: the types of http-proxy, which this package does not import
  readonly preHandler?: ((request: any, reply: any, done: any) => any) | undefined
  readonly wsClientOptions?: object | undefined
  readonly replyOptions?: OwnReplyOptions | undefined
  readonly [option: string]: unknown
}

/** The options of http-proxy for one upstream. */
export interface ProxyOptions {
  readonly upstream: string
  readonly undici: ReplyFromClient
  // biome-ignore lint/suspicious/noExplicitAny: see above
  readonly preHandler: (request: any, reply: any, done: any) => any
  readonly wsClientOptions: { readonly agent: Agent }
  readonly replyOptions: ReplyOptions
}

/** The user's options of http-proxy, with those of an upstream. */
export function proxyOptions<Own extends OwnProxyOptions>(
  target: Target,
  client: ReplyFromClient,
  own: Own
): Omit<Own, keyof ProxyOptions> & ProxyOptions {
  const { origin } = target
  // A WebSocket is a request of `node:http`, which takes its permit at the Agent.
  const agent = guardedAgent(target, () => NOBODY)
  return {
    ...own,
    upstream: origin,
    undici: client,
    preHandler: preHandlerFor(target, own.preHandler),
    wsClientOptions: { ...own.wsClientOptions, agent },
    replyOptions: replyOptions(target, own.replyOptions ?? {})
  }
}

/** Refuses a WebSocket while it still is a request, and can be answered with 503. */
function preHandlerFor(
  { breaker }: Target,
  own: OwnProxyOptions['preHandler']
): ProxyOptions['preHandler'] {
  return function holdfastOutgoingProxy(
    this: unknown,
    request: FastifyRequest,
    reply: FastifyReply,
    done: (error?: Error) => void
  ) {
    if (isUpgrade(request.raw) && breaker.retryAfter > 0)
      refuse(reply, breaker.refusal() as CodedError, done)
    else if (own === undefined) done()
    else return own.call(this, request, reply, done)
  }
}
