/**
 * What a page is told of a process: counts and names that the program gave. Never a key of a client,
 * an address, a query or a body.
 */
import type { ReadDuration } from './read-states.ts'

/** What a page is told. Numbers that count only grow; times are milliseconds. */
export interface Snapshot {
  readonly process: ProcessPart
  /** Requests taken in; left out while no plugin takes any in. */
  readonly requests?: RequestsPart | undefined
  /** Requests by outcome, from @holdfast/telemetry. */
  readonly outcomes?: Readonly<Record<string, number>> | undefined
  /** How long requests took, from @holdfast/telemetry. */
  readonly duration?: DurationPart | undefined
  readonly life?: LifePart | undefined
  readonly breakers?: readonly BreakerPart[] | undefined
  readonly limits?: readonly LimitPart[] | undefined
  readonly tables?: readonly TablePart[] | undefined
  readonly stores?: readonly StorePart[] | undefined
  readonly shedding?: SheddingPart | undefined
  readonly upstreams?: readonly UpstreamPart[] | undefined
  readonly log?: LogPart | undefined
  /** How many breakers, limits and upstreams are left out, because there are too many to show. */
  readonly leftOut: number
}

/** The process itself. */
export interface ProcessPart {
  readonly pid: number
  /** The name of its machine, of a container its own. */
  readonly host: string
  readonly node: string
  /** Since it began. */
  readonly uptime: number
  /** CPU used since it began. */
  readonly cpu: number
  /** Time that the event loop was busy, and was idle, since it began. */
  readonly loop: { readonly active: number; readonly idle: number }
  /** How late the event loop is; left out while nobody measures it. */
  readonly delay?: { readonly current: number; readonly max: number } | undefined
  /** Bytes. */
  readonly memory: { readonly rss: number; readonly heapUsed: number; readonly heapLimit: number }
}

/** Requests since the process began to take them in. */
export interface RequestsPart {
  readonly takenIn: number
  readonly finished: number
  readonly aborted: number
  readonly cut: number
  readonly malformed: number
}

/** A histogram: the upper bounds of the buckets in seconds, and the counts, one more than bounds. */
export interface DurationPart extends ReadDuration {}

/** The life of the service. */
export interface LifePart {
  readonly phase: 'starting' | 'ready' | 'draining' | 'stopping' | 'closed'
  readonly lasted: number
  readonly inFlight: number
  readonly tasks: number
  /** The routes with the oldest requests first, at most ten. */
  readonly routes: readonly RoutePart[]
  readonly checks: readonly CheckPart[]
}

/** The requests in flight of a route; without a name they have reached none. */
export interface RoutePart {
  readonly route?: string | undefined
  readonly count: number
  readonly oldest: number
}

/** A check, with its last answer. */
export interface CheckPart {
  readonly name: string
  readonly state: 'failed' | 'ok' | 'unknown'
  readonly critical: boolean
  readonly age?: number | undefined
  readonly took?: number | undefined
}

/** A breaker. */
export interface BreakerPart {
  readonly name: string
  /** The prefix of its scope; empty at the root. */
  readonly scope: string
  readonly state: 'closed' | 'open' | 'half-open' | 'isolated'
  readonly lasted: number
  readonly shadow: boolean
  /** Failures in a row. */
  readonly failures: number
  readonly inFlight: number
  readonly abandoned: number
  readonly fallbacks: number
  readonly retryAfter: number
  readonly changes: readonly ChangePart[]
  readonly success: number
  readonly failure: number
  readonly excluded: number
  readonly refused: number
  readonly refusedInShadow: number
  readonly opened: number
}

/** A change of a breaker's state. */
export interface ChangePart {
  readonly to: string
  readonly age: number
  readonly causes: Readonly<Record<string, number>>
}

/** A limit. */
export interface LimitPart {
  readonly name: string
  readonly scope: string
  readonly shadow: boolean
  readonly policies: readonly PolicyPart[]
}

/** A policy of a limit, and what was decided under it. */
export interface PolicyPart {
  readonly name: string
  readonly max?: number | undefined
  readonly timeWindow?: number | undefined
  readonly allowed: number
  readonly denied: number
  readonly banned: number
  readonly allowListed: number
  readonly unanswered: number
}

/** A table of clients. */
export interface TablePart {
  readonly scope: string
  readonly keys: number
  readonly maxKeys: number
  readonly evictions: number
}

/** A store that processes share. */
export interface StorePart {
  readonly scope: string
  readonly available: boolean
  readonly duration: number
  readonly outages: number
  readonly outageTime: number
  readonly fallbacks: number
}

/** Load shedding. */
export interface SheddingPart {
  readonly shadow: boolean
  readonly shedding: boolean
  readonly share: number
  readonly queueDelay: number
  readonly inFlight: number
  readonly limit?: number | undefined
  readonly offered: number
  readonly shed: number
  readonly byPriority: Readonly<Record<string, number>>
  readonly byReason: Readonly<Record<string, number>>
}

/** An upstream. */
export interface UpstreamPart {
  readonly name: string
  readonly scope: string
  readonly calls: number
  readonly tries: number
  readonly success: number
  readonly failure: number
  readonly refused: number
  readonly retries: number
  readonly hedges: number
  readonly budgetLeft: number
  readonly inFlight: number
  /** How many calls took how long, by the bounds of `duration`; only with @holdfast/telemetry. */
  readonly counts?: readonly number[] | undefined
}

/** The request log. */
export interface LogPart {
  readonly written: number
  readonly sampledOut: number
  readonly silent: number
  readonly failed: number
}
