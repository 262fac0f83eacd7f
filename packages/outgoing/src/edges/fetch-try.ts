/**
 * One try of a call, made by `fetch`.
 */
import { HedgeLostError } from '../errors.ts'
import type { Contender } from '../hedge.ts'
import { isRetryable } from '../retry-rules.ts'
import type { FetchCall, FetchInit } from './fetch-call.ts'
import { LinkedSignal } from './linked-signal.ts'
import type { Try } from './try.ts'
import { BorrowedDispatcher, TryDispatcher } from './try-dispatcher.ts'

/** The bytes of a failed answer that are read, so that its connection can be used again. */
const MAX_DISCARDED = 16_384

/**
 * Begins the next try of a call.
 *
 * @throws as {@link Target.begin}
 */
export function beginTry(call: FetchCall, now: number, isHedge = false): FetchTry {
  const { target, caller, method, due } = call
  const number = call.tries + 1
  const attempt = target.begin(caller, { method, number, isHedge, due, boundsBody: true }, now)
  call.tries = number
  return new FetchTry(attempt, call)
}

/** It is also the dispatcher of its `fetch`: one object for both. */
export class FetchTry extends TryDispatcher implements Contender {
  readonly attempt: Try
  /** What `fetch` returned. Its end is told by {@link answered} or {@link failed}. */
  readonly sent: Promise<Response>
  readonly #borrowed: BorrowedDispatcher
  #response: Response | undefined
  #error: unknown

  constructor(attempt: Try, call: FetchCall) {
    const link = call.signal && new LinkedSignal(call.signal)
    super(attempt, call, link)
    this.attempt = attempt
    this.#borrowed = new BorrowedDispatcher(this)
    this.sent = this.#send(call, link)
  }

  get isGood(): boolean {
    const response = this.#response
    if (response === undefined || isRetryable(response.status)) return false
    return this.attempt.outcome !== 'failure'
  }

  /** Its answer. Throws when it has none: our own error, rather than what `fetch` made of it. */
  get answer(): Response {
    if (this.#response !== undefined) return this.#response
    throw this.ownError ?? this.#error
  }

  async wait(): Promise<void> {
    try {
      this.answered(await this.sent)
    } catch (error) {
      this.failed(error)
    }
  }

  /** `fetch` has resolved. */
  answered(response: Response): void {
    this.#response = response
    this.#borrowed.giveBack()
    if (this.attempt.transport === undefined) this.#headWithoutDispatcher(response)
  }

  /** `fetch` has rejected. */
  failed(error: unknown): void {
    this.#error = error
    this.#borrowed.giveBack()
    const { latest } = this
    if (latest.transport === undefined) latest.exclude(error)
    // Aborted while it waited for a connection, which nobody tells the dispatcher.
    else if (latest.status === undefined) latest.fail(error, true)
  }

  lose(): void {
    if (this.#response === undefined) {
      this.latest.stop('hedge', new HedgeLostError(this.attempt.target.name))
    } else this.discard()
  }

  /** Gets rid of the body of its answer, which nobody will see. */
  discard(): void {
    const response = this.#response
    const length = Number(response?.headers.get('content-length') ?? Infinity)
    const gone = length <= MAX_DISCARDED ? response?.arrayBuffer() : response?.body?.cancel()
    gone?.catch(() => {})
  }

  #send({ input, init }: FetchCall, link: LinkedSignal | undefined): Promise<Response> {
    const given: FetchInit =
      init === undefined ? { dispatcher: this.#borrowed } : { ...init, dispatcher: this.#borrowed }
    if (link !== undefined) given.signal = link.signal
    try {
      // The types of a dispatcher differ from one undici to the next.
      return fetch(input, given as RequestInit)
    } catch (error) {
      // Another `fetch`, that throws.
      return Promise.reject(error)
    }
  }

  /** Another `fetch`, in a test for example, that knows no dispatchers. */
  #headWithoutDispatcher({ status, headers }: Response): void {
    this.attempt.head(status, headers.get('retry-after') ?? undefined)
    this.attempt.end()
  }
}
