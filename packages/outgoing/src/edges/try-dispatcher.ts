/**
 * What `fetch` sends one try with. The first request is the try itself; where it is redirected, each
 * further one is a try of the upstream that it goes to, or nobody's.
 */
import type { DispatcherLike } from '../options.ts'
import { globalDispatcherFor } from './global-dispatcher.ts'
import { type Dispatch, type DispatchOptions, guardedDispatch, send } from './interceptor.ts'
import type { Target } from './target.ts'
import type { Try } from './try.ts'

/** Finds the upstream of an origin. */
export type TargetOfOrigin = (origin: unknown) => Target | undefined

/** A dispatcher for one call of `fetch`. */
export class TryDispatcher implements DispatcherLike {
  readonly #attempt: Try
  readonly #target: Target
  readonly #targetOf: TargetOfOrigin
  readonly #inner: DispatcherLike | undefined

  constructor(
    attempt: Try,
    target: Target,
    targetOf: TargetOfOrigin,
    inner: DispatcherLike | undefined
  ) {
    this.#attempt = attempt
    this.#target = target
    this.#targetOf = targetOf
    this.#inner = inner
  }

  dispatch(options: DispatchOptions, handler: object): boolean {
    const inner = this.#inner ?? globalDispatcherFor(handler)
    const dispatch: Dispatch<DispatchOptions, object> = (options, handler) =>
      inner.dispatch(options, handler)
    const attempt = this.#attempt
    const isFirst = attempt.transport === undefined && !attempt.isOver
    if (isFirst && this.#target.owns(options.origin)) {
      return send(attempt, dispatch, options, handler)
    }
    const target = this.#targetOf(options.origin)
    if (target === undefined) return dispatch(options, handler)
    return guardedDispatch(target, () => attempt.caller, dispatch)(options, handler)
  }
}
