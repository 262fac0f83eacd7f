/**
 * What the console reads of the states that plugins provide: each by its shape, since it imports none
 * of them.
 */
import type { CoreState, ScopedState } from '@holdfast/core'

/** A histogram of durations in seconds. */
export interface ReadDuration {
  readonly bounds: readonly number[]
  readonly counts: readonly number[]
}

/** Of @holdfast/telemetry. */
export interface ReadTelemetry {
  readonly requests: Readonly<Record<string, number>>
  readonly duration: ReadDuration
  readonly upstreams?: Readonly<Record<string, Pick<ReadDuration, 'counts'>>> | undefined
}

/** Of @holdfast/circuit-breaker. */
export interface ReadBreakers {
  readonly breakers: readonly {
    readonly name: string
    readonly state: 'closed' | 'open' | 'half-open' | 'isolated'
    readonly lasted: number
    readonly shadow: boolean
    readonly failures: number
    readonly inFlight: number
    readonly abandoned: number
    readonly fallbacks: number
    readonly retryAfter: number
    readonly changes: readonly {
      readonly to: string
      readonly age: number
      readonly causes: Readonly<Record<string, number>>
    }[]
    readonly totals: {
      readonly success: number
      readonly failure: number
      readonly excluded: number
      readonly refusedByState: number
      readonly refusedByConcurrency: number
      readonly refusedInShadow: number
      readonly opened: number
    }
  }[]
}

/** Of @holdfast/rate-limit. */
export interface ReadLimits {
  readonly limits: readonly {
    readonly limit: string
    readonly mode: 'enforce' | 'shadow'
    readonly policies: readonly {
      readonly policy: string
      readonly max: number | undefined
      readonly timeWindow: number | undefined
      readonly allowed: number
      readonly denied: number
      readonly banned: number
      readonly allowListed: number
      readonly unanswered: number
    }[]
  }[]
  readonly table:
    | { readonly keys: number; readonly maxKeys: number; readonly evictions: number }
    | undefined
  readonly store:
    | {
        readonly available: boolean
        readonly duration: number
        readonly outages: number
        readonly outageTime: number
        readonly fallbacks: number
      }
    | undefined
}

/** Of @holdfast/load-shedding. */
export interface ReadShedding {
  readonly shadow: boolean
  readonly offered: number
  readonly shed: number
  readonly shedByPriority: Readonly<Record<string, number>>
  readonly shedByReason: Readonly<Record<string, number>>
  readonly shedding: boolean
  readonly share: number
  readonly queueDelay: number
  readonly inFlight: number
  readonly limit: number | undefined
}

/** Of @holdfast/lifecycle. */
export interface ReadLifecycle {
  readonly phase: 'starting' | 'ready' | 'draining' | 'stopping' | 'closed'
  readonly lasted: number
  readonly checks: readonly {
    readonly name: string
    readonly state: 'failed' | 'ok' | 'unknown'
    readonly critical: boolean
    readonly age: number | undefined
    readonly took: number | undefined
  }[]
  readonly inFlight: number
  readonly routes: readonly {
    readonly route: string | undefined
    readonly count: number
    readonly oldest: number
  }[]
  readonly tasks: number
}

/** Of @holdfast/outgoing. */
export interface ReadUpstreams {
  readonly upstreams: readonly {
    readonly name: string
    readonly calls: number
    readonly tries: number
    readonly outcomes: {
      readonly success: number
      readonly failure: number
      readonly excluded: number
    }
    readonly refused: number
    readonly retries: Readonly<Record<string, number>>
    readonly hedges: number
    readonly budgetLeft: number
    readonly inFlight: number
  }[]
}

/** Of @holdfast/request-logging. */
export interface ReadLog {
  readonly written: number
  readonly sampledOut: number
  readonly silent: number
  readonly failed: number
}

/** The states of an app, as far as the console shows them. */
export interface ReadStates {
  readonly '@holdfast/core'?: readonly ScopedState<CoreState>[]
  readonly '@holdfast/telemetry'?: readonly ScopedState<ReadTelemetry>[]
  readonly '@holdfast/circuit-breaker'?: readonly ScopedState<ReadBreakers>[]
  readonly '@holdfast/rate-limit'?: readonly ScopedState<ReadLimits>[]
  readonly '@holdfast/load-shedding'?: readonly ScopedState<ReadShedding>[]
  readonly '@holdfast/lifecycle'?: readonly ScopedState<ReadLifecycle>[]
  readonly '@holdfast/outgoing'?: readonly ScopedState<ReadUpstreams>[]
  readonly '@holdfast/request-logging'?: readonly ScopedState<ReadLog>[]
}
