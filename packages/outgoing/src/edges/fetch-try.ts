/**
 * One try of a call, made by `fetch`.
 */
import { type CallersCall, listenTo, monotonicClock } from '@holdfast/core'
import type { Caller, CallersEntry } from '../caller.ts'
import { HedgeLostError } from '../errors.ts'
import type { Contender } from '../hedge.ts'
import type { DispatcherLike } from '../options.ts'
import { isRetryable } from '../retry-rules.ts'
import type { Target } from './target.ts'
import type { Try } from './try.ts'
import { type TargetOfOrigin, TryDispatcher } from './try-dispatcher.ts'

/** What `fetch` is given: as everywhere, and what sends it in Node. */
export interface FetchInit extends Omit<RequestInit, 'dispatcher'> {
  dispatcher?: DispatcherLike | undefined
}

/** A call, as all its tries know it. */
export interface FetchCall {
  readonly target: Target
  readonly targetOf: TargetOfOrigin
  readonly caller: Caller
  readonly url: URL
  readonly init: FetchInit
  /** When its time is over, by the monotonic clock; `Infinity` for never. */
  readonly due: number
  /** The tries that have begun. */
  tries: number
}

/** The bytes of a failed answer that are read, so that its connection can be used again. */
const MAX_DISCARDED = 16_384

/**
 * Begins the next try of a call.
 *
 * @throws as {@link Target.begin}
 */
export function beginTry(call: FetchCall, isHedge = false): FetchTry {
  const { target, caller, due } = call
  const number = call.tries + 1
  const attempt = target.begin(caller, { number, isHedge, due, boundsBody: true }, monotonicClock())
  call.tries = number
  return new FetchTry(attempt, call)
}

export class FetchTry implements Contender {
  readonly attempt: Try
  /** Resolves when its answer begins, or when it has failed. */
  readonly ended: Promise<void>
  #response: Response | undefined
  #error: unknown

  constructor(attempt: Try, call: FetchCall) {
    this.attempt = attempt
    this.ended = this.#fetch(call)
  }

  get isGood(): boolean {
    const response = this.#response
    if (response === undefined || isRetryable(response.status)) return false
    return this.attempt.outcome !== 'failure'
  }

  /** Its answer. Throws when it has none: our own error, rather than what `fetch` made of it. */
  get answer(): Response {
    if (this.#response !== undefined) return this.#response
    throw this.attempt.stopped?.error ?? this.#error
  }

  lose(): void {
    if (this.#response === undefined) {
      this.attempt.stop('hedge', new HedgeLostError(this.attempt.target.name))
    } else this.discard()
  }

  /** Gets rid of the body of its answer, which nobody will see. */
  discard(): void {
    const response = this.#response
    const length = Number(response?.headers.get('content-length') ?? Infinity)
    const gone = length <= MAX_DISCARDED ? response?.arrayBuffer() : response?.body?.cancel()
    gone?.catch(() => {})
  }

  async #fetch({ target, targetOf, url, init }: FetchCall): Promise<void> {
    const { attempt } = this
    const inner = init.dispatcher ?? target.rules.dispatcher
    const dispatcher = new TryDispatcher(attempt, target, targetOf, inner)
    const given: FetchInit = { ...init, dispatcher }
    if (init.signal) {
      const link = new LinkedSignal(init.signal)
      attempt.link = link
      given.signal = link.signal
    }
    try {
      // The types of a dispatcher differ from one undici to the next.
      this.#response = await fetch(url, given as RequestInit)
      if (attempt.transport === undefined) this.#headWithoutDispatcher(this.#response)
    } catch (error) {
      this.#error = error
      if (attempt.transport === undefined) attempt.exclude(error)
      // Aborted while it waited for a connection, which nobody tells the dispatcher.
      else if (attempt.status === undefined) attempt.fail(error, true)
    }
  }

  /** Another `fetch`, in a test for example, that knows no dispatchers. */
  #headWithoutDispatcher({ status, headers }: Response): void {
    this.attempt.head(status, headers.get('retry-after') ?? undefined)
    this.attempt.end()
  }
}

/**
 * A signal of its own for each try. `fetch` leaves a listener on the signal that it is given until its
 * objects are collected, and a signal may live as long as the process.
 */
class LinkedSignal implements CallersCall, CallersEntry {
  readonly #controller = new AbortController()
  readonly #source: AbortSignal
  readonly #entry: CallersEntry

  constructor(source: AbortSignal) {
    this.#source = source
    this.#entry = listenTo(source, this)
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  callerLeft(): void {
    this.#controller.abort(this.#source.reason)
  }

  leave(): void {
    this.#entry.leave()
  }
}
