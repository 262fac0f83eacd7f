/**
 * From what the plugins know to what a page is told: member by member, so that nothing else gets there.
 */
import { type CoreState, guardedCall, printable, type ScopedState } from '@holdfast/core'
import type {
  ReadBreakers,
  ReadLifecycle,
  ReadLimits,
  ReadLog,
  ReadShedding,
  ReadStates,
  ReadTelemetry,
  ReadUpstreams
} from './read-states.ts'
import type {
  BreakerPart,
  DurationPart,
  LifePart,
  LimitPart,
  LogPart,
  ProcessPart,
  RequestsPart,
  SheddingPart,
  Snapshot,
  StorePart,
  TablePart,
  UpstreamPart
} from './snapshot.ts'

/** The most breakers, limits and upstreams that are told, of each. */
const MAX_SHOWN = 100
const MAX_ROUTES = 10
const MAX_CHECKS = 50
const MAX_NAME_LENGTH = 120

/** From the worst to the best. */
const STATES: readonly string[] = ['isolated', 'open', 'half-open', 'closed']

/**
 * Makes the snapshot of a process. A state of an unexpected shape, from a plugin of another version
 * for example, is reported once, and its part is left out.
 */
export function takeSnapshot(process: ProcessPart, states: ReadStates): Snapshot {
  const breakers = all(states, '@holdfast/circuit-breaker', breakersOf)
  const limits = all(states, '@holdfast/rate-limit', limitsOf)
  const telemetry = first(states, '@holdfast/telemetry', telemetryOf)
  const upstreams = all(states, '@holdfast/outgoing', upstreamsOf)
  breakers?.sort((one, other) => STATES.indexOf(one.state) - STATES.indexOf(other.state))
  return {
    process,
    requests: first(states, '@holdfast/core', requestsOf),
    outcomes: telemetry?.outcomes,
    duration: telemetry?.duration,
    life: first(states, '@holdfast/lifecycle', lifeOf),
    breakers: breakers?.slice(0, MAX_SHOWN),
    limits: limits?.slice(0, MAX_SHOWN),
    tables: all(states, '@holdfast/rate-limit', tableOf),
    stores: all(states, '@holdfast/rate-limit', storeOf),
    shedding: first(states, '@holdfast/load-shedding', sheddingOf),
    upstreams: upstreams?.slice(0, MAX_SHOWN).map((upstream) => ({
      ...upstream,
      counts: telemetry?.upstreams.get(upstream.name)
    })),
    log: first(states, '@holdfast/request-logging', logOf),
    leftOut: beyond(breakers) + beyond(limits) + beyond(upstreams)
  }
}

type StateOf<Name extends keyof ReadStates> =
  NonNullable<ReadStates[Name]> extends readonly ScopedState<infer State>[] ? State : never

/** The part of the first registration of a plugin. */
function first<Name extends keyof ReadStates, Part>(
  states: ReadStates,
  name: Name,
  make: (state: StateOf<Name>) => Part
): Part | undefined {
  const scoped = states[name]?.[0] as ScopedState<StateOf<Name>> | undefined
  return scoped && guardedCall(make, whereOf(name), scoped.state)
}

/** The parts of all registrations of a plugin. */
function all<Name extends keyof ReadStates, Part>(
  states: ReadStates,
  name: Name,
  make: (scoped: ScopedState<StateOf<Name>>) => Part[]
): Part[] | undefined {
  const scopes = states[name] as readonly ScopedState<StateOf<Name>>[] | undefined
  return scopes?.flatMap((scoped) => guardedCall(make, whereOf(name), scoped) ?? [])
}

function whereOf(name: string): string {
  return `the console, which reads the state of ${name}`
}

function beyond(parts: readonly unknown[] | undefined): number {
  return Math.max(0, (parts?.length ?? 0) - MAX_SHOWN)
}

function nameOf(text: string): string {
  return printable(text, MAX_NAME_LENGTH)
}

function sumOf(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0)
}

function requestsOf({ requests }: CoreState): RequestsPart {
  const { takenIn, finished, aborted, cut, malformed } = requests
  return { takenIn, finished, aborted, cut, malformed: sumOf(malformed) }
}

interface TelemetryParts {
  readonly outcomes: Readonly<Record<string, number>>
  readonly duration: DurationPart
  /** The counts of each upstream, by its name as it is told. */
  readonly upstreams: ReadonlyMap<string, readonly number[]>
}

function telemetryOf({ requests, duration, upstreams = {} }: ReadTelemetry): TelemetryParts {
  return {
    outcomes: { ...requests },
    duration: { bounds: duration.bounds, counts: duration.counts },
    upstreams: new Map(
      Object.entries(upstreams).map(([name, { counts }]) => [nameOf(name), counts])
    )
  }
}

function logOf({ written, sampledOut, silent, failed }: ReadLog): LogPart {
  return { written, sampledOut, silent, failed }
}

function lifeOf({ phase, lasted, inFlight, tasks, routes, checks }: ReadLifecycle): LifePart {
  return {
    phase,
    lasted,
    inFlight,
    tasks,
    routes: routes.slice(0, MAX_ROUTES).map(({ route, count, oldest }) => ({
      route: route === undefined ? undefined : nameOf(route),
      count,
      oldest
    })),
    checks: checks.slice(0, MAX_CHECKS).map(({ name, state, critical, age, took }) => ({
      name: nameOf(name),
      state,
      critical,
      age,
      took
    }))
  }
}

function breakersOf({ prefix, state }: ScopedState<ReadBreakers>): BreakerPart[] {
  return state.breakers.map((breaker) => {
    const { lasted, shadow, failures, inFlight, abandoned, fallbacks, retryAfter, totals } = breaker
    return {
      name: nameOf(breaker.name),
      scope: prefix,
      state: breaker.state,
      lasted,
      shadow,
      failures,
      inFlight,
      abandoned,
      fallbacks,
      retryAfter,
      changes: breaker.changes.map(({ to, age, causes }) => ({ to, age, causes })),
      success: totals.success,
      failure: totals.failure,
      excluded: totals.excluded,
      refused: totals.refusedByState + totals.refusedByConcurrency,
      refusedInShadow: totals.refusedInShadow,
      opened: totals.opened
    }
  })
}

function limitsOf({ prefix, state }: ScopedState<ReadLimits>): LimitPart[] {
  return state.limits.map(({ limit, mode, policies }) => ({
    name: nameOf(limit),
    scope: prefix,
    shadow: mode === 'shadow',
    policies: policies.map((policy) => ({
      name: nameOf(policy.policy),
      max: policy.max,
      timeWindow: policy.timeWindow,
      allowed: policy.allowed,
      denied: policy.denied,
      banned: policy.banned,
      allowListed: policy.allowListed,
      unanswered: policy.unanswered
    }))
  }))
}

function tableOf({ prefix, state }: ScopedState<ReadLimits>): TablePart[] {
  if (state.table === undefined) return []
  const { keys, maxKeys, evictions } = state.table
  return [{ scope: prefix, keys, maxKeys, evictions }]
}

function storeOf({ prefix, state }: ScopedState<ReadLimits>): StorePart[] {
  if (state.store === undefined) return []
  const { available, duration, outages, outageTime, fallbacks } = state.store
  return [{ scope: prefix, available, duration, outages, outageTime, fallbacks }]
}

function sheddingOf(state: ReadShedding): SheddingPart {
  const { shadow, shedding, share, queueDelay, inFlight, limit, offered, shed } = state
  return {
    shadow,
    shedding,
    share,
    queueDelay,
    inFlight,
    limit: limit === undefined || limit === Infinity ? undefined : limit,
    offered,
    shed,
    byPriority: { ...state.shedByPriority },
    byReason: { ...state.shedByReason }
  }
}

function upstreamsOf({ prefix, state }: ScopedState<ReadUpstreams>): UpstreamPart[] {
  return state.upstreams.map((upstream) => ({
    name: nameOf(upstream.name),
    scope: prefix,
    calls: upstream.calls,
    tries: upstream.tries,
    success: upstream.outcomes.success,
    failure: upstream.outcomes.failure,
    refused: upstream.refused,
    retries: upstream.retries['scheduled'] ?? 0,
    hedges: upstream.hedges,
    budgetLeft: upstream.budgetLeft,
    inFlight: upstream.inFlight
  }))
}
