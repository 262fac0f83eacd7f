/**
 * What telemetry knows of an app, as `statesOf()` gives it.
 */
import type { RequestOutcome } from './outcome.ts'

/** What telemetry knows of an app. Totals count from the registration on. */
export interface TelemetryState {
  /** Requests by what became of them. Together they are all that came to an end. */
  readonly requests: Readonly<Record<RequestOutcome, number>>
  /** How long they took: those whose duration is measured. */
  readonly duration: DurationState
  /** How long tries of outgoing calls took, by upstream; those that have ended. */
  readonly upstreams: Readonly<Record<string, UpstreamDurations>>
  /** Requests that the service refused, by who and why. */
  readonly refusals: readonly RefusalCount[]
}

/** A histogram of durations. */
export interface DurationState {
  /** The upper bounds of the buckets, in seconds, ascending. */
  readonly bounds: readonly number[]
  /** Requests by bucket, not added up, one more than there are bounds. */
  readonly counts: readonly number[]
  /** All durations together, in seconds. */
  readonly sum: number
}

/** The durations of the tries of an upstream. */
export interface UpstreamDurations {
  /** Tries by bucket, as in `duration`, with the same bounds. */
  readonly counts: readonly number[]
  /** All durations together, in seconds. */
  readonly sum: number
}

/** Requests that were refused for one reason. */
export interface RefusalCount {
  /** The plugin that refused. */
  readonly refusedBy: string
  /** Why: `exceeded`, `state`, `shed`, `pressure`, `draining`, `deadline` for example. */
  readonly reason: string
  /** How many. */
  readonly count: number
}

declare module '@holdfast/core' {
  interface States {
    '@holdfast/telemetry': TelemetryState
  }
}
