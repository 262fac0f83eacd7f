/**
 * What the ends of a breaker's calls mean: by `classify`, by a timeout, by a caller that left.
 */
import { type AnyRequest, factsOf } from '@holdfast/core'
import type { CallObserver } from './calls/call.ts'
import type { CallEnd, CallOutcome } from './circuit/permit.ts'
import { type Classify, outcomeOfError, outcomeOfValue } from './classify.ts'
import { CallTimeoutError } from './errors.ts'
import { retryAfterOf } from './retry-after.ts'

/** What the promise of a call does when it settles. */
export interface Continuations {
  /** Where the end of the call is told. */
  readonly end: CallEnd
  resolved<T>(value: T): T
  rejected(error: unknown): never
}

/** Judges the ends of one breaker's calls, and passes them on. */
export class CallEnds implements CallObserver {
  readonly #breaker: string
  readonly #classify: Classify | undefined
  #abandoned = 0
  #fallbacks = 0

  constructor(breaker: string, classify: Classify | undefined) {
    this.#breaker = breaker
    this.#classify = classify
  }

  /** Calls that were given up and are still running. */
  get abandoned(): number {
    return this.#abandoned
  }

  /** Calls that a fallback has answered for. */
  get fallbacks(): number {
    return this.#fallbacks
  }

  /** What the promises of calls do whose ends are told there. */
  continuationsOf(end: CallEnd): Continuations {
    return {
      end,
      resolved: (value) => {
        this.resolved(end, value)
        return value
      },
      rejected: (error) => {
        this.rejected(end, error)
        throw error
      }
    }
  }

  resolved(end: CallEnd, value: unknown): void {
    endCall(end, outcomeOfValue(this.#classify, this.#breaker, value), value)
  }

  rejected(end: CallEnd, error: unknown): void {
    endCall(end, outcomeOfError(this.#classify, this.#breaker, error), error)
  }

  timedOut(end: CallEnd, timeout: number): Error {
    const error = new CallTimeoutError(this.#breaker, timeout)
    this.#abandoned++
    this.rejected(end, error)
    return error
  }

  callerLeft(end: CallEnd): void {
    this.#abandoned++
    endCall(end, 'excluded', undefined)
  }

  abandonedEnded(): void {
    this.#abandoned--
  }

  fellBack(request: AnyRequest | undefined): void {
    this.#fallbacks++
    if (request !== undefined) factsOf(request).breakerFallback = this.#breaker
  }
}

function endCall(end: CallEnd, outcome: CallOutcome, result: unknown): void {
  end.end(outcome, result, outcome === 'failure' ? retryAfterOf(result) : 0)
}
