/**
 * What load shedding knows, for handlers, metrics and consoles to read.
 */
import type { Priority } from './priority.ts'
import type { SheddingReason } from './shedder.ts'

/** What load shedding does at present: `app.loadShedding`. */
export interface SheddingView {
  /**
   * Whether requests are being refused, or in shadow mode would be. A handler may give a cheaper answer
   * as long as they are.
   */
  readonly shedding: boolean
  /** The share of requests that is admitted, 0 to 1. */
  readonly share: number
  /** The lowest level that is admitted: 0 all, 0.25 all but `bulk`, 0.5 `normal` and up, 0.75 only `critical`. */
  readonly level: number
  /** How long the request that was met last had waited for the event loop, in milliseconds. */
  readonly queueDelay: number
  /** Requests that were admitted and are not answered yet. Streams count until their head. */
  readonly inFlight: number
  /** The most requests that may be in flight; `undefined` while they are not limited. */
  readonly limit: number | undefined
}

/** What a registration of load-shedding knows. */
export interface LoadSheddingState extends SheddingView {
  /** Whether it only counts: `mode: 'shadow'`. */
  readonly shadow: boolean
  /** Requests that were decided about since the registration. */
  readonly offered: number
  /** Requests that were refused since the registration, or in shadow mode would have been. */
  readonly shed: number
  /** The same by the priority of the request. */
  readonly shedByPriority: Readonly<Record<Priority, number>>
  /** The same by the reason. */
  readonly shedByReason: Readonly<Record<SheddingReason, number>>
}

declare module '@holdfast/core' {
  interface States {
    '@holdfast/load-shedding': LoadSheddingState
  }
}

/** Counts decisions. */
export class SheddingTotals {
  offered = 0
  shed = 0
  readonly byPriority: Record<Priority, number> = { critical: 0, normal: 0, optional: 0, bulk: 0 }
  readonly byReason: Record<SheddingReason, number> = {
    level: 0,
    'queue-delay': 0,
    'in-flight': 0,
    deadline: 0
  }

  count(priority: Priority, reason: SheddingReason): void {
    this.shed++
    this.byPriority[priority]++
    this.byReason[reason]++
  }
}
