/**
 * An upstream as its users have it.
 */
import { type AnyRequest, monotonicClock } from '@holdfast/core'
import type { Caller } from '../caller.ts'
import type { UpstreamSnapshot } from '../state.ts'
import { callByFetch, type FetchInit } from './fetch.ts'
import { type Dispatch, guardedDispatch } from './interceptor.ts'
import { callerOf } from './request-caller.ts'
import type { Target } from './target.ts'
import type { TargetOfOrigin } from './try-dispatcher.ts'

/** An upstream, in the name of one request. */
export interface RequestUpstream {
  /**
   * As {@link Upstream.fetch}, on behalf of the request: the call ends with the request's deadline, and
   * when its client leaves; it belongs to the request's trace, its facts and its log line.
   */
  fetch(path: string | URL, init?: FetchInit): Promise<Response>
}

/** A service that this one calls. Made by `app.upstream(name, options)`. */
export class Upstream {
  readonly #target: Target
  readonly #targetOf: TargetOfOrigin
  readonly #currentCaller: () => Caller

  /** @param currentCaller finds whom a call is made for that names nobody */
  constructor(target: Target, targetOf: TargetOfOrigin, currentCaller: () => Caller) {
    this.#target = target
    this.#targetOf = targetOf
    this.#currentCaller = currentCaller
  }

  get name(): string {
    return this.#target.name
  }

  /** Scheme, host and port, as in `'https://payments.example'`. */
  get origin(): string {
    return this.#target.rules.origin.origin
  }

  /**
   * Calls the upstream with Node's `fetch`, behind its breaker, within its time, and again where that
   * may help. Answers of any status are resolved with, also 4xx and 5xx.
   *
   * Rejects as `fetch` does, with the reason of `init.signal` when that aborts, and with an error of this
   * package, or of the breaker, when the call is refused or given up.
   *
   * @param path a path of the upstream's origin, `'/invoices/7?full'`, or a URL of it
   * @throws ForeignPathError when it leads elsewhere (as a rejection)
   */
  fetch(path: string | URL, init?: FetchInit): Promise<Response> {
    return callByFetch(this.#target, this.#targetOf, this.#currentCaller(), path, init)
  }

  /**
   * The same upstream, called on behalf of a request: Fastify's or Node's.
   *
   * @throws InvalidOptionError when it is no request
   */
  for(request: AnyRequest): RequestUpstream {
    const caller = callerOf(request)
    return {
      fetch: (path, init) => callByFetch(this.#target, this.#targetOf, caller, path, init)
    }
  }

  /**
   * An interceptor for a dispatcher of undici 6, 7 or 8: `new Agent().compose(upstream.interceptor)`.
   * Give it first: of several, the last one in the list sees a request first. Each request to the
   * upstream's origin is one try; others pass untouched.
   */
  get interceptor(): <Options extends object, Handler extends object>(
    dispatch: Dispatch<Options, Handler>
  ) => Dispatch<Options, Handler> {
    return (dispatch) => (options, handler) =>
      guardedDispatch(this.#target, this.#currentCaller(), dispatch)(options, handler)
  }

  /** The upstream at this moment. */
  snapshot(): UpstreamSnapshot {
    return this.#target.snapshot(monotonicClock())
  }
}
