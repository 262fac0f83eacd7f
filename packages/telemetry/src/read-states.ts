/**
 * The states of the suite's plugins, as far as metrics are made from them. Those plugins may be installed
 * or not, so their types are not imported: each shape here is as much of a state as is read.
 */
import type { CoreState } from '@holdfast/core'

interface Scoped<State> {
  readonly state: State
}

export interface BreakerReading {
  readonly name: string
  readonly state: string
  readonly shadow: boolean
  readonly inFlight: number
  readonly abandoned: number
  readonly totals: {
    readonly success: number
    readonly failure: number
    readonly excluded: number
    readonly refusedByState: number
    readonly refusedByConcurrency: number
    readonly refusedInShadow: number
    readonly opened: number
    readonly halfOpened: number
    readonly closed: number
    readonly isolated: number
  }
}

export interface PolicyReading {
  readonly policy: string
  readonly allowed: number
  readonly denied: number
  readonly banned: number
  readonly allowListed: number
  readonly unanswered: number
}

export interface RateLimitReading {
  readonly limits: readonly {
    readonly mode: string
    readonly policies: readonly PolicyReading[]
  }[]
  readonly table:
    | { readonly keys: number; readonly maxKeys: number; readonly evictions: number }
    | undefined
  readonly store: { readonly available: boolean; readonly outages: number } | undefined
}

export interface SheddingReading {
  readonly shadow: boolean
  readonly offered: number
  readonly shed: number
  readonly shedByPriority: Readonly<Record<string, number>>
  readonly share: number
  readonly inFlight: number
  readonly limit: number | undefined
}

export interface LifecycleReading {
  readonly phase: string
  readonly checks: readonly { readonly name: string; readonly state: string }[]
  readonly tasks: number
}

export interface UpstreamReading {
  readonly name: string
  /** Scheme, host and port of its URLs. */
  readonly origin: string
  readonly calls: number
  readonly outcomes: Readonly<Record<string, number>>
  readonly refused: number
  readonly retries: Readonly<Record<string, number>>
  readonly hedges: number
  readonly budgetLeft: number
  readonly inFlight: number
}

export interface RequestLogReading {
  readonly written: number
  readonly sampledOut: number
  readonly silent: number
  readonly failed: number
}

/** The refusals that telemetry has counted itself. */
export interface RefusalReading {
  readonly refusals: readonly {
    readonly refusedBy: string
    readonly reason: string
    readonly count: number
  }[]
}

/** The states of an app. */
export interface ReadStates {
  readonly '@holdfast/core'?: readonly Scoped<CoreState>[]
  readonly '@holdfast/circuit-breaker'?: readonly Scoped<{
    readonly breakers: readonly BreakerReading[]
  }>[]
  readonly '@holdfast/rate-limit'?: readonly Scoped<RateLimitReading>[]
  readonly '@holdfast/load-shedding'?: readonly Scoped<SheddingReading>[]
  readonly '@holdfast/lifecycle'?: readonly Scoped<LifecycleReading>[]
  readonly '@holdfast/outgoing'?: readonly Scoped<{
    readonly upstreams: readonly UpstreamReading[]
  }>[]
  readonly '@holdfast/request-logging'?: readonly Scoped<RequestLogReading>[]
  readonly '@holdfast/telemetry'?: readonly Scoped<RefusalReading>[]
}

/** The name of a plugin whose state is read. */
export type ReadName = keyof ReadStates

/** The state of a plugin. */
export type ReadState<Name extends ReadName> = NonNullable<ReadStates[Name]>[number]['state']

/** The states of one plugin in all scopes of an app; none where it is not registered. */
export function* eachState<Name extends ReadName>(
  states: ReadStates,
  name: Name
): Iterable<ReadState<Name>> {
  for (const { state } of states[name] ?? []) yield state
}
