/**
 * Our rules and our budget for undici's own retries: `interceptors.retry({ retry: upstream.retryPolicy })`.
 */
import { monotonicClock, parseRetryAfter } from '@holdfast/core'
import { NOBODY } from '../caller.ts'
import { isRepeatable } from '../repeatable-body.ts'
import { isRetryable } from '../retry-rules.ts'
import { decideAbout } from './decision.ts'
import { pause } from './pause.ts'
import type { Target } from './target.ts'
import { Try } from './try.ts'

/** What undici tells of the request that failed. */
export interface RetryContext {
  readonly opts: {
    readonly method?: string | undefined
    readonly body?: unknown
    readonly headers?: unknown
    /** One object for each request, whatever becomes of it. */
    readonly retryOptions?: object | undefined
  }
}

/** The option `retry` of undici's retry interceptor and of its `RetryAgent`. */
export type RetryPolicy = (
  error: Error,
  context: RetryContext,
  done: (error?: Error | null) => void
) => void

/** Which tries are retries of undici's. */
export class UndiciRetries {
  readonly #target: Target
  /** By what undici keeps for a request, the tries of it that have failed. */
  readonly #failures = new WeakMap<object, number>()
  /** By handler, how often it was dispatched: undici gives the same one again. */
  readonly #dispatches = new WeakMap<object, number>()

  constructor(target: Target) {
    this.#target = target
  }

  /** Counts a dispatch. Returns which try of its request it is, from 1. */
  countDispatch(handler: object): number {
    const number = (this.#dispatches.get(handler) ?? 0) + 1
    this.#dispatches.set(handler, number)
    return number
  }

  readonly policy: RetryPolicy = (error, { opts }, done) => {
    const target = this.#target
    const number = this.#countFailure(opts.retryOptions)
    const wait = number > target.rules.retries ? undefined : this.#waitAfter(error, number, opts)
    if (wait === undefined) {
      done(error)
      return
    }
    const takenAt = monotonicClock()
    pause(target, NOBODY, undefined, wait).then(
      () => done(null),
      () => {
        target.budget.giveBack(takenAt, monotonicClock())
        done(error)
      }
    )
  }

  #countFailure(request: object | undefined): number {
    if (request === undefined) return Infinity
    const number = (this.#failures.get(request) ?? 0) + 1
    this.#failures.set(request, number)
    return number
  }

  #waitAfter(error: Error, number: number, opts: RetryContext['opts']): number | undefined {
    const attempt = Try.ofError(error)
    const status = statusOf(error)
    const isFailure = status === undefined ? hasFailed(attempt) : isRetryable(status)
    if (!isFailure) return undefined
    return decideAbout(this.#target, attempt?.mayRetry ?? true, {
      method: opts.method ?? 'GET',
      headers: opts.headers,
      isBodyRepeatable: isRepeatable(opts.body),
      wasSent: attempt?.wasSent ?? true,
      number,
      retryAfter: retryAfterOf(error),
      due: attempt?.plan.due ?? monotonicClock() + this.#target.rules.timeout
    })
  }
}

/** Whether a try has failed without an answer, in a way that another one may make good. */
function hasFailed(attempt: Try | undefined): boolean {
  return attempt?.hasFailed === true && attempt.status === undefined
}

/** The status of the answer that undici made an error of. */
function statusOf(error: Error): number | undefined {
  return 'statusCode' in error ? Number(error.statusCode) : undefined
}

function retryAfterOf(error: Error): number {
  const headers: unknown = 'headers' in error ? error.headers : undefined
  const value: unknown =
    typeof headers === 'object' && headers !== null
      ? Reflect.get(headers, 'retry-after')
      : undefined
  return value === undefined ? 0 : parseRetryAfter(value)
}
