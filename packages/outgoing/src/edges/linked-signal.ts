/**
 * The signal of a call, as `fetch` is given it.
 */
import { type CallersCall, listenTo } from '@holdfast/core'
import type { CallersEntry } from '../caller.ts'

/**
 * A signal of its own for each try. `fetch` leaves a listener on the signal that it is given until its
 * objects are collected, and a signal may live as long as the process.
 */
export class LinkedSignal implements CallersCall {
  readonly #controller = new AbortController()
  readonly #source: AbortSignal

  constructor(source: AbortSignal) {
    this.#source = source
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Aborts when the source does, until the entry leaves. */
  follow(): CallersEntry {
    // A signal that has aborted before tells nobody.
    if (this.#source.aborted) this.callerLeft()
    return listenTo(this.#source, this)
  }

  callerLeft(): void {
    this.#controller.abort(this.#source.reason)
  }
}
