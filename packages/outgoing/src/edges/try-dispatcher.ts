/**
 * What `fetch` sends one try with. The first request is the try itself; where it is redirected, each
 * further one is a try of the upstream that it goes to, or of nobody's. All of them have the call's
 * time, its caller and its signal.
 */
import { monotonicClock } from '@holdfast/core'
import type { DispatcherLike } from '../options.ts'
import { failHandler } from './dispatch-handlers.ts'
import { globalDispatcherFor } from './global-dispatcher.ts'
import { type Dispatch, type DispatchOptions, send } from './interceptor.ts'
import type { LinkedSignal } from './linked-signal.ts'
import type { Target } from './target.ts'
import type { Try } from './try.ts'

/** Finds the upstream of an origin. */
export type TargetOfOrigin = (origin: unknown) => Target | undefined

/** A dispatcher for one call of `fetch`. */
export class TryDispatcher implements DispatcherLike {
  readonly #target: Target
  readonly #targetOf: TargetOfOrigin
  readonly #inner: DispatcherLike | undefined
  readonly #link: LinkedSignal | undefined
  #latest: Try
  #refusal: unknown

  constructor(
    attempt: Try,
    target: Target,
    targetOf: TargetOfOrigin,
    inner: DispatcherLike | undefined,
    link: LinkedSignal | undefined
  ) {
    this.#latest = attempt
    this.#target = target
    this.#targetOf = targetOf
    this.#inner = inner
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
    const dispatch: Dispatch<DispatchOptions, object> = (options, handler) =>
      inner.dispatch(options, handler)
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
    return send(this.#latest, dispatch, options, handler)
  }

  /** Begins the try of a redirect. */
  #beginHop(origin: unknown): Try {
    const target = this.#targetOf(origin) ?? this.#target.elsewhere
    const now = monotonicClock()
    const { caller, plan } = this.#latest
    const due = Math.min(plan.due, now + target.rules.timeout)
    target.counts.calls++
    const hop = target.begin(caller, { ...plan, due, number: 1, isHedge: false }, now)
    hop.link = this.#link?.follow()
    return hop
  }
}
