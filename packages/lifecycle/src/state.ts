/**
 * What a service knows of its own life, for metrics and consoles to read.
 */
import type { CheckResult, HealthStatus } from './checks.ts'
import type { Phase } from './phases.ts'
import type { Pressure } from './pressure.ts'

/** The requests in flight of one route. */
export interface RouteInFlight {
  /** Method and pattern, `'GET /orders/:id'`; `undefined` for requests that have reached no route, or not yet. */
  readonly route: string | undefined
  /** How many they are. */
  readonly count: number
  /** Whole milliseconds since the oldest of them was taken in. */
  readonly oldest: number
}

/** What lifecycle knows of its app. */
export interface LifecycleState {
  /** The phase of the service's life. */
  readonly phase: Phase
  /** Whole milliseconds for which it has been in this phase. */
  readonly lasted: number
  /** What the checks say together, by the last answer of each. Reading it asks none. */
  readonly health: HealthStatus
  /** The checks, each with its last answer. */
  readonly checks: readonly CheckResult[]
  /** Requests taken in and not yet settled. */
  readonly inFlight: number
  /** The same requests by route, the route with the oldest of them first. */
  readonly routes: readonly RouteInFlight[]
  /** Work under way that was given to `waitUntil()`. */
  readonly tasks: number
  /** The load of the process. */
  readonly pressure: Pressure
}

declare module '@holdfast/core' {
  interface States {
    '@holdfast/lifecycle': LifecycleState
  }
}
