/**
 * An upstream as its users have it.
 */
import type { Agent } from 'node:http'
import type { Agent as SecureAgent } from 'node:https'
import { type AnyRequest, monotonicClock } from '@holdfast/core'
import type { Caller } from '../caller.ts'
import type { UpstreamSnapshot } from '../state.ts'
import { guardedAgent } from './agent.ts'
import { callByFetch } from './fetch.ts'
import type { FetchInit } from './fetch-call.ts'
import { type OwnProxyOptions, type ProxyOptions, proxyOptions } from './http-proxy.ts'
import { type Dispatch, guardedDispatch } from './interceptor.ts'
import {
  type OwnReplyOptions,
  type ReplyFromClient,
  type ReplyOptions,
  replyOptions
} from './reply-from.ts'
import { callerOf } from './request-caller.ts'
import { type RetryPolicy, UndiciRetries } from './retry-policy.ts'
import type { Target, TargetOfOrigin } from './target.ts'

/** An upstream, in the name of one request. */
export interface RequestUpstream {
  /**
   * As {@link Upstream.fetch}, on behalf of the request: the call ends with the request's deadline, and
   * when its client leaves; it belongs to the request's trace, its facts and its log line.
   */
  fetch(path: string | URL | Request, init?: FetchInit): Promise<Response>
  /** As {@link Upstream.agent}, on behalf of the request: an Agent for this request only. */
  agent<GivenAgent extends Agent = SecureAgent>(inner?: GivenAgent): GivenAgent
}

/** What all upstreams of one registration of the plugin share. */
export interface Registration {
  readonly targetOf: TargetOfOrigin
  /** Finds whom a call is made for that names nobody. */
  readonly currentCaller: () => Caller
  /** What reply-from takes as its client. */
  readonly client: ReplyFromClient
}

/** A service that this one calls. Made by `app.upstream(name, options)`. */
export class Upstream {
  readonly #target: Target
  readonly #registration: Registration
  #retries: UndiciRetries | undefined

  constructor(target: Target, registration: Registration) {
    this.#target = target
    this.#registration = registration
  }

  get name(): string {
    return this.#target.name
  }

  /** Scheme, host and port, as in `'https://payments.example'`. */
  get origin(): string {
    return this.#target.origin
  }

  /**
   * Calls the upstream with Node's `fetch`, behind its breaker, within its time, and again where that
   * may help. Answers of any status are resolved with, also 4xx and 5xx.
   *
   * Rejects as `fetch` does, with the reason of `init.signal` when that aborts, and with an error of this
   * package, or of the breaker, when the call is refused or given up.
   *
   * @param path a path of the upstream's origin, `'/invoices/7?full'`, a URL of it, or a `Request` to it, as
   * ky and axios make them; one with a body is not made again
   * @throws ForeignPathError when it leads elsewhere (as a rejection)
   */
  fetch(path: string | URL | Request, init?: FetchInit): Promise<Response> {
    const { targetOf, currentCaller } = this.#registration
    return callByFetch(this.#target, targetOf, currentCaller(), path, init)
  }

  /**
   * The same upstream, called on behalf of a request: Fastify's or Node's.
   *
   * @throws InvalidOptionError when it is no request
   */
  for(request: AnyRequest): RequestUpstream {
    const caller = callerOf(request)
    const { targetOf } = this.#registration
    return {
      fetch: (path, init) => callByFetch(this.#target, targetOf, caller, path, init),
      agent: (inner) => guardedAgent(this.#target, () => caller, inner)
    }
  }

  /**
   * An Agent for clients that are built on `node:http`, as axios, got and the SDKs of AWS and Stripe are:
   * `axios.get(url, { httpAgent: upstream.agent(), httpsAgent: upstream.agent() })`. Each request to
   * the upstream's origin is one try; others pass untouched. A refused request opens no connection: it
   * emits the error, as one that cannot connect does. Where the client gives its headers to Node as a
   * list, none are added.
   *
   * @param inner the Agent that has the connections, and is returned with a guard in front
   *
   * @default http.globalAgent or https.globalAgent
   */
  agent<GivenAgent extends Agent = SecureAgent>(inner?: GivenAgent): GivenAgent {
    return guardedAgent(this.#target, this.#registration.currentCaller, inner)
  }

  /**
   * Options for `reply.from(path, ...)` of `@fastify/reply-from`, which is registered with
   * `app.outgoing.replyFrom`. A call is one try. When it is refused or given up, the client gets its
   * status and headers, an open breaker's 503 with `Retry-After` for example; when the client leaves,
   * the call ends.
   *
   * @param own options of your own. `rewriteRequestHeaders` and `onError` are called as without an upstream; `onError` gets
   * the error of this package or of the breaker, with the status and the headers set on the reply
   */
  replyOptions<const Own extends OwnReplyOptions & object>(
    own: Own = {} as Own
  ): Omit<Own, keyof ReplyOptions> & ReplyOptions {
    return replyOptions(this.#target, own)
  }

  /**
   * Options for `app.register(httpProxy, ...)` of `@fastify/http-proxy`: those of
   * {@link Upstream.replyOptions}, and a WebSocket takes its permit, too.
   *
   * @param own options of your own, such as `prefix`
   */
  proxyOptions<const Own extends OwnProxyOptions & object>(
    own: Own = {} as Own
  ): Omit<Own, keyof ProxyOptions> & ProxyOptions {
    return proxyOptions(this.#target, this.#registration.client, own)
  }

  /**
   * An interceptor for a dispatcher of undici 6, 7 or 8: `new Agent().compose(upstream.interceptor)`.
   * Give it first: of several, the last one in the list sees a request first. Each request to the
   * upstream's origin is one try; others pass untouched.
   */
  get interceptor(): <Options extends object, Handler extends object>(
    dispatch: Dispatch<Options, Handler>
  ) => Dispatch<Options, Handler> {
    return (dispatch) => guardedDispatch(this.#target, this.#registration.currentCaller, dispatch)
  }

  /**
   * Our rules, and the upstream's budget, for undici's own retries. Read it once:
   *
   * ```js
   * new Agent().compose(upstream.interceptor, interceptors.retry({ retry: upstream.retryPolicy }))
   * ```
   *
   * undici asks it about the statuses of its option `statusCodes` and about every error.
   */
  get retryPolicy(): RetryPolicy {
    this.#retries ??= new UndiciRetries(this.#target)
    this.#target.undiciRetries = this.#retries
    return this.#retries.policy
  }

  /** The upstream at this moment. */
  snapshot(): UpstreamSnapshot {
    return this.#target.snapshot(monotonicClock())
  }
}
