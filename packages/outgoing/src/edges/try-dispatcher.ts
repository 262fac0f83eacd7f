/**
 * What `fetch` sends one try with. The first request is the try itself; where it is redirected, each
 * further one is a try of the upstream that it goes to, or of nobody's. All of them have the call's
 * time, its caller and its signal.
 */
import { monotonicClock } from '@holdfast/core'
import type { Caller } from '../caller.ts'
import type { DispatcherLike } from '../options.ts'
import { failHandler } from './dispatch-handlers.ts'
import type { FetchCall } from './fetch-call.ts'
import { globalDispatcherFor } from './global-dispatcher.ts'
import { type DispatchOptions, send } from './interceptor.ts'
import type { LinkedSignal } from './linked-signal.ts'
import type { Target, TargetOfOrigin } from './target.ts'
import type { Try } from './try.ts'

/** A dispatcher for one call of `fetch`. */
export class TryDispatcher implements DispatcherLike {
  readonly #target: Target
  readonly #targetOf: TargetOfOrigin
  readonly #inner: DispatcherLike | undefined
  readonly #link: LinkedSignal | undefined
  readonly #caller: Caller
  #latest: Try
  #refusal: unknown

  constructor(attempt: Try, call: FetchCall, link: LinkedSignal | undefined) {
    this.#latest = attempt
    this.#caller = call.caller
    this.#target = call.target
    this.#targetOf = call.targetOf
    this.#inner = call.init?.dispatcher ?? call.target.rules.dispatcher
    this.#link = link
    attempt.link = link?.follow()
  }

  /** The try itself, or that of the last redirect. */
  get latest(): Try {
    return this.#latest
  }

  /** Our own error that it ended with, in place of the one that `fetch` makes of it. */
  get ownError(): unknown {
    return this.#refusal ?? this.#latest.stopped?.error
  }

  dispatch(options: DispatchOptions, handler: object): boolean {
    const inner = this.#inner ?? globalDispatcherFor(handler)
    const isFirst = this.#latest.transport === undefined && !this.#latest.isOver
    if (!isFirst) {
      try {
        this.#latest = this.#beginHop(options)
      } catch (error) {
        this.#refusal = error
        failHandler(handler, error)
        return true
      }
    }
    return send(this.#latest, inner, options, handler)
  }

  /** Begins the try of a redirect. */
  #beginHop({ origin, method }: DispatchOptions): Try {
    const target = this.#targetOf(origin) ?? this.#target.elsewhere
    const now = monotonicClock()
    const { plan } = this.#latest
    const due = Math.min(plan.due, now + target.rules.timeout)
    target.counts.calls++
    const hop = target.begin(
      this.#caller,
      { ...plan, method: String(method), due, number: 1, isHedge: false },
      now
    )
    hop.link = this.#link?.follow()
    return hop
  }
}

/**
 * Stands for a dispatcher until its `fetch` has settled. What `fetch` was given is not collected before
 * the next full garbage collection, with all that it leads to: the try, its answer and the request
 * that it is made for would cost as much as the call to be kept until then.
 */
export class BorrowedDispatcher implements DispatcherLike {
  #lent: DispatcherLike | undefined

  constructor(lent: DispatcherLike) {
    this.#lent = lent
  }

  dispatch(options: DispatchOptions, handler: object): boolean {
    const dispatcher = this.#lent ?? globalDispatcherFor(handler)
    return dispatcher.dispatch(options, handler)
  }

  /** `fetch` has settled: whatever else it sends is no part of the try. */
  giveBack(): void {
    this.#lent = undefined
  }
}
