/**
 * Tells calls that their caller has left. Calls with the same signal share one listener on it: Node
 * takes more than ten listeners on one signal for a leak.
 */
import { reportOnce } from './report.ts'
import { isInRing, leaveRing, Ring, type RingItem } from './ring.ts'

/** A call that wants to hear of its caller. */
export interface CallersCall {
  /** An error that it throws is reported once. */
  callerLeft(): void
}

/** One call among those of a signal. Keep it to stop listening. */
export class SignalEntry implements RingItem {
  readonly call: CallersCall
  readonly #signal: ListenedSignal
  previous: RingItem | undefined = undefined
  next: RingItem | undefined = undefined

  constructor(call: CallersCall, signal: ListenedSignal) {
    this.call = call
    this.#signal = signal
  }

  /** Stops listening. A second time does nothing. */
  leave(): void {
    if (!isInRing(this)) return
    leaveRing(this)
    this.#signal.stopIfUnused()
  }
}

const listened = new WeakMap<AbortSignal, ListenedSignal>()

/** Calls `callerLeft()` once when the signal aborts, until the entry leaves. */
export function listenTo(signal: AbortSignal, call: CallersCall): SignalEntry {
  let known = listened.get(signal)
  if (known === undefined) {
    known = new ListenedSignal(signal)
    listened.set(signal, known)
  }
  return known.add(call)
}

/** A signal with the calls that listen to it. */
class ListenedSignal {
  readonly #signal: AbortSignal
  readonly #entries = new Ring<SignalEntry>()

  constructor(signal: AbortSignal) {
    this.#signal = signal
    signal.addEventListener('abort', this)
  }

  add(call: CallersCall): SignalEntry {
    const entry = new SignalEntry(call, this)
    this.#entries.add(entry)
    return entry
  }

  stopIfUnused(): void {
    if (this.#entries.first !== undefined) return
    this.#signal.removeEventListener('abort', this)
    listened.delete(this.#signal)
  }

  /** The signal has aborted. */
  handleEvent(): void {
    for (const { call } of this.#entries) tell(call)
  }
}

/** The other calls must hear of it, too. */
function tell(call: CallersCall): void {
  try {
    call.callerLeft()
  } catch (error) {
    reportOnce(call.callerLeft, 'callerLeft() of a call', error)
  }
}
