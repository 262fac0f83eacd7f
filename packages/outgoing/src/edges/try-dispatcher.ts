/**
 * What `fetch` sends one try with. The first request is the try itself; where it is redirected, each
 * further one is a try of the upstream that it goes to, or of nobody's. All of them have the call's
 * time, its caller and its signal.
 */
import { monotonicClock } from '@holdfast/core'
import type { DispatcherLike } from '../options.ts'
import { failHandler } from './dispatch-handlers.ts'
import type { FetchCall } from './fetch-call.ts'
import { globalDispatcherFor } from './global-dispatcher.ts'
import { type DispatchOptions, send } from './interceptor.ts'
import type { LinkedSignal } from './linked-signal.ts'
import type { Try } from './try.ts'

/** A dispatcher for one call of `fetch`. */
export class TryDispatcher implements DispatcherLike {
  readonly #call: FetchCall
  readonly #link: LinkedSignal | undefined
  #latest: Try
  #refusal: unknown

  constructor(attempt: Try, call: FetchCall, link: LinkedSignal | undefined) {
    this.#latest = attempt
    this.#call = call
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
    const { init, target } = this.#call
    const inner = init?.dispatcher ?? target.rules.dispatcher ?? globalDispatcherFor(handler)
    const isFirst = this.#latest.transport === undefined && !this.#latest.isOver
    if (!isFirst) {
      try {
        this.#latest = this.#beginHop(options.origin)
      } catch (error) {
        this.#refusal = error
        failHandler(handler, error)
        return true
      }
    }
    return send(this.#latest, inner, options, handler)
  }

  /** Begins the try of a redirect. */
  #beginHop(origin: unknown): Try {
    const { targetOf, target } = this.#call
    const hopTarget = targetOf(origin) ?? target.elsewhere
    const now = monotonicClock()
    const { caller, plan } = this.#latest
    const due = Math.min(plan.due, now + hopTarget.rules.timeout)
    hopTarget.counts.calls++
    const hop = hopTarget.begin(caller, { ...plan, due, number: 1, isHedge: false }, now)
    hop.link = this.#link?.follow()
    return hop
  }
}
