/**
 * One try of a call, made by `fetch`.
 */
import { monotonicClock } from '@holdfast/core'
import type { Caller } from '../caller.ts'
import { HedgeLostError } from '../errors.ts'
import type { Contender } from '../hedge.ts'
import type { DispatcherLike } from '../options.ts'
import { isRetryable } from '../retry-rules.ts'
import { LinkedSignal } from './linked-signal.ts'
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
  /** Where it goes: the upstream's origin. */
  readonly input: string | Request
  readonly init: FetchInit
  /** In capitals. */
  readonly method: string
  readonly signal: AbortSignal | undefined
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
  readonly #dispatcher: TryDispatcher
  #response: Response | undefined
  #error: unknown

  constructor(attempt: Try, call: FetchCall) {
    const { target, targetOf, init, signal } = call
    const link = signal && new LinkedSignal(signal)
    const inner = init.dispatcher ?? target.rules.dispatcher
    this.attempt = attempt
    this.#dispatcher = new TryDispatcher(attempt, target, targetOf, inner, link)
    this.ended = this.#fetch(call, link)
  }

  get isGood(): boolean {
    const response = this.#response
    if (response === undefined || isRetryable(response.status)) return false
    return this.attempt.outcome !== 'failure'
  }

  /** Its answer. Throws when it has none: our own error, rather than what `fetch` made of it. */
  get answer(): Response {
    if (this.#response !== undefined) return this.#response
    throw this.#dispatcher.ownError ?? this.#error
  }

  lose(): void {
    if (this.#response === undefined) {
      this.#dispatcher.latest.stop('hedge', new HedgeLostError(this.attempt.target.name))
    } else this.discard()
  }

  /** Gets rid of the body of its answer, which nobody will see. */
  discard(): void {
    const response = this.#response
    const length = Number(response?.headers.get('content-length') ?? Infinity)
    const gone = length <= MAX_DISCARDED ? response?.arrayBuffer() : response?.body?.cancel()
    gone?.catch(() => {})
  }

  async #fetch({ input, init }: FetchCall, link: LinkedSignal | undefined): Promise<void> {
    const { attempt } = this
    const dispatcher = this.#dispatcher
    const given: FetchInit = { ...init, dispatcher }
    if (link !== undefined) given.signal = link.signal
    try {
      // The types of a dispatcher differ from one undici to the next.
      this.#response = await fetch(input, given as RequestInit)
      if (attempt.transport === undefined) this.#headWithoutDispatcher(this.#response)
    } catch (error) {
      this.#error = error
      const { latest } = dispatcher
      if (latest.transport === undefined) latest.exclude(error)
      // Aborted while it waited for a connection, which nobody tells the dispatcher.
      else if (latest.status === undefined) latest.fail(error, true)
    }
  }

  /** Another `fetch`, in a test for example, that knows no dispatchers. */
  #headWithoutDispatcher({ status, headers }: Response): void {
    this.attempt.head(status, headers.get('retry-after') ?? undefined)
    this.attempt.end()
  }
}
