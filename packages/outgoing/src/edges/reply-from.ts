/**
 * The seam to `@fastify/reply-from`. It takes its client once, for all upstreams; what a call needs
 * beside that travels on its headers, under a symbol.
 */
import { type CodedError, refuse } from '@holdfast/core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Caller, NOBODY } from '../caller.ts'
import { ATTEMPT_COUNT } from '../deadline-header.ts'
import { guardedAgent } from './agent.ts'
import { type AnswerCallback, type PlainRequest, requestByHttp } from './http-request.ts'
import { guardedDispatch } from './interceptor.ts'
import { callerOf } from './request-caller.ts'
import type { Target, TargetOfOrigin } from './target.ts'

const CALL = Symbol('holdfast.outgoing.call')

/** What a call is made with, beside what reply-from knows. */
interface ProxiedCall {
  readonly target: Target
  readonly caller: Caller
}

interface ProxiedRequest extends PlainRequest {
  readonly headers: Readonly<Record<string, unknown>> & { readonly [CALL]?: ProxiedCall }
}

/** A dispatcher of undici, as far as it makes whole requests. */
interface Requester {
  request(request: PlainRequest, callback: AnswerCallback): void
}

/** The client of reply-from for all upstreams, in the place of its own dispatcher of undici. */
export class ReplyFromClient {
  readonly #targetOf: TargetOfOrigin

  constructor(targetOf: TargetOfOrigin) {
    this.#targetOf = targetOf
  }

  /**
   * Makes a request: by the upstream's `dispatcher`, or else by `node:http`. Requests to other origins
   * are made unguarded.
   */
  // biome-ignore lint/suspicious/noExplicitAny: the many forms of undici's own method
  request(request: any, callback?: any): any {
    const { origin, headers }: ProxiedRequest = request
    const { target = this.#targetOf(origin), caller = NOBODY } = headers[CALL] ?? {}
    if (target === undefined) return requestByHttp(request, undefined, callback)
    const { dispatcher } = target.rules
    if (!isRequester(dispatcher)) {
      return requestByHttp(
        request,
        guardedAgent(target, () => caller),
        callback
      )
    }
    const dispatch = guardedDispatch(
      target,
      () => caller,
      (options: object, handler: object) => dispatcher.dispatch(options, handler)
    )
    // undici's own: it makes a handler, and calls `dispatch`.
    dispatcher.request.call({ dispatch }, request, callback)
  }

  /** Nothing is its own: neither the dispatchers nor the connections of Node. */
  destroy(): void {}
}

function isRequester(dispatcher: object | undefined): dispatcher is Requester {
  return dispatcher !== undefined && 'request' in dispatcher
}

/** The options of `reply.from()` that are the user's own, and still have their effect. */
export interface OwnReplyOptions {
  // biome-ignore-start lint/suspicious/noExplicitAny: the types of reply-from, which this package does not import
  readonly rewriteRequestHeaders?: ((request: any, headers: any) => any) | undefined
  readonly onError?: ((reply: any, details: { error: Error }) => void) | undefined
  // biome-ignore-end lint/suspicious/noExplicitAny: see above
  readonly [option: string]: unknown
}

/** The options of `reply.from()` for calls of one upstream. */
export interface ReplyOptions {
  readonly getUpstream: () => string
  readonly retryDelay: () => null
  readonly rewriteRequestHeaders: <Headers extends object>(
    request: object,
    headers: Headers
  ) => Headers
  readonly onError: (reply: object, details: { error: Error }) => void
}

/** The user's options of `reply.from()`, with those of an upstream. */
export function replyOptions<Own extends OwnReplyOptions>(
  target: Target,
  own: Own
): Omit<Own, keyof ReplyOptions> & ReplyOptions {
  return {
    ...own,
    getUpstream: () => target.origin,
    // The retries of reply-from know no budget, and sleep a Retry-After of two seconds as 2 ms.
    retryDelay: () => null,
    rewriteRequestHeaders: (request, headers) => {
      const believed = withoutClaims(target, headers)
      const rewritten = own.rewriteRequestHeaders?.(request, believed) ?? believed
      const caller = callerOf(request as FastifyRequest)
      return { ...rewritten, [CALL]: { target, caller } satisfies ProxiedCall }
    },
    onError: (reply, { error }) => {
      const cause = error.cause ?? error
      if (isCoded(cause)) refuseProxied(reply as FastifyReply, cause, own)
      else if (own.onError !== undefined) own.onError(reply, { error })
      else (reply as FastifyReply).send(error)
    }
  }
}

/**
 * The headers of a client without its claims about its time and its tries. What a trusted caller has said
 * of its time is the request's own by now, and is told again as what is left of it.
 */
function withoutClaims<Headers extends object>({ rules }: Target, headers: Headers): Headers {
  const { write, header } = rules.deadline
  const believed = { ...headers }
  for (const name of write ? [ATTEMPT_COUNT, ...header] : [ATTEMPT_COUNT]) {
    Reflect.deleteProperty(believed, name)
  }
  return believed
}

/** An error of the suite's own, which has a status and may have headers. */
function isCoded(error: unknown): error is CodedError {
  return error instanceof Error && String(Reflect.get(error, 'code')).startsWith('HOLDFAST_ERR_')
}

/** Answers for a call that was refused or given up, or lets the user do so with the status set. */
function refuseProxied(reply: FastifyReply, error: CodedError, { onError }: OwnReplyOptions): void {
  if (onError === undefined) {
    refuse(reply, error, (error) => reply.send(error))
    return
  }
  reply.code(error.statusCode).headers(error.headers ?? {})
  onError(reply, { error })
}
