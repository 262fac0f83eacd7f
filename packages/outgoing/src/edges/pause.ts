/**
 * The wait before a retry. It ends early, by a rejection, when its caller leaves or the app closes.
 */
import {
  type CallersCall,
  leaveRing,
  listenTo,
  monotonicClock,
  type RingItem,
  type Timed,
  unwatchDeadline,
  watchDeadline
} from '@holdfast/core'
import type { Caller, CallersEntry } from '../caller.ts'
import { ClientLeftError } from '../errors.ts'
import type { StopReason } from '../verdict.ts'
import type { Stoppable, TryOwner } from './try-plan.ts'

/** Waits so many milliseconds. */
export function pause(
  target: TryOwner,
  caller: Caller,
  signal: AbortSignal | undefined,
  milliseconds: number
): Promise<void> {
  return new Promise((resolve, reject) => {
    new Pause(target, caller, signal, milliseconds, resolve, reject)
  })
}

class Pause implements Timed, CallersCall, Stoppable {
  readonly #target: TryOwner
  readonly #resolve: () => void
  readonly #reject: (reason: unknown) => void
  readonly #entries: readonly (CallersEntry | undefined)[]
  due: number = 0
  timeout: number = 0
  position: number = -1
  previous: RingItem | undefined = undefined
  next: RingItem | undefined = undefined

  constructor(
    target: TryOwner,
    caller: Caller,
    signal: AbortSignal | undefined,
    milliseconds: number,
    resolve: () => void,
    reject: (reason: unknown) => void
  ) {
    this.#target = target
    this.#resolve = resolve
    this.#reject = reject
    this.#entries = [
      caller.follow(this),
      signal && listenTo(signal, { callerLeft: () => this.#end(reject, signal.reason) })
    ]
    target.add(this)
    watchDeadline(this, milliseconds, monotonicClock() + milliseconds)
  }

  timedOut(): void {
    this.#end(this.#resolve)
  }

  callerLeft(): void {
    this.#end(this.#reject, new ClientLeftError(this.#target.name))
  }

  stop(_reason: StopReason, error: Error): void {
    this.#end(this.#reject, error)
  }

  #end(settle: (reason?: unknown) => void, reason?: unknown): void {
    unwatchDeadline(this)
    leaveRing(this)
    for (const entry of this.#entries) entry?.leave()
    settle(reason)
  }
}
