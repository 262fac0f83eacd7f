/**
 * What a user writes for the plugin and for a route, what it defaults to, and the checks that name a
 * mistake.
 */
import {
  check,
  checkOptions,
  type Duration,
  type OptionShape,
  parseDuration
} from '@holdfast/core/options'
import type { FastifyRequest } from 'fastify'
import { FOREIGN_NAMES } from './foreign-names.ts'
import { PRIORITIES, type Priority, type Rank, rankOf } from './priority.ts'

/** Tells the priority of a request. Synchronous; it runs for every request, so it should be cheap. */
export type PriorityFunction = (request: FastifyRequest) => Priority

/** The options of the plugin. None needs to be set. */
export interface LoadSheddingOptions {
  /**
   * How long a request may wait for the event loop, milliseconds or text, from 10 ms to 10 s. `critical`
   * requests may wait two and a half times as long. So may all for the two seconds in which the loop catches
   * up after a pause; if one step was longer than that, for as long as it was.
   *
   * @default 100
   */
  readonly maxQueueDelay?: Duration | undefined
  /**
   * The most requests in flight, until the head of their answer: a whole number of at least 1, `'auto'` to find it
   * when more comes than is finished, `false` for no limit. `critical` requests may be twice as many;
   * with `'auto'`, three times.
   *
   * @default 'auto'
   */
  readonly maxInFlight?: number | 'auto' | false | undefined
  /**
   * The priority of requests whose route says nothing, or a function that tells it. A function that
   * throws, or returns no priority, is reported once; such requests are `normal`.
   *
   * @default 'normal'
   */
  readonly priority?: Priority | PriorityFunction | undefined
  /**
   * Who shares a fate: the requests of one cohort are refused or served together, as far as they have one
   * priority. Called only while there is pressure. A function that throws, or returns no text, is reported
   * once; such requests are one cohort.
   *
   * @default the client's address; of IPv6 its /64 network
   */
  readonly cohort?: ((request: FastifyRequest) => string) | undefined
  /**
   * After this time other cohorts are the first to be refused: milliseconds or text, from 1 s to 30 days.
   *
   * @default '1 hour'
   */
  readonly cohortPeriod?: Duration | undefined
  /** `'shadow'` decides, counts and publishes, and refuses nothing. @default 'enforce' */
  readonly mode?: 'enforce' | 'shadow' | undefined
  /**
   * What the readiness probe of `@holdfast/lifecycle` says while requests are refused. `'fail'` lets the
   * balancer send them elsewhere: only where others have room, since the next instance gets them all.
   * It changes nothing in shadow mode.
   *
   * @default 'keep'
   */
  readonly readiness?: 'keep' | 'fail' | undefined
}

/** The options of a route, in `config.loadShedding`. */
export interface LoadSheddingRouteOptions {
  /** The priority of its requests, or a function that tells it. @default the plugin's */
  readonly priority?: Priority | PriorityFunction | undefined
  /**
   * The most requests of this route in flight, beside the limit of the plugin: a whole number of at
   * least 1. The GET and HEAD of a route share it. A
   * route at its limit is no overload of the service: it is not logged as one.
   *
   * @default no limit of its own
   */
  readonly maxInFlight?: number | undefined
}

const MIN_QUEUE_DELAY = 10
const MAX_QUEUE_DELAY = 10_000
const MIN_COHORT_PERIOD = 1000
const MAX_COHORT_PERIOD = 30 * 24 * 3_600_000

const priority = check.either(
  `one of ${PRIORITIES.toReversed()
    .map((name) => JSON.stringify(name))
    .join(', ')}, or a function`,
  check.oneOf(...PRIORITIES),
  check.func
)

const SHAPE: OptionShape = {
  maxQueueDelay: check.duration({ min: MIN_QUEUE_DELAY, max: MAX_QUEUE_DELAY }),
  maxInFlight: check.either(
    'a whole number of at least 1, "auto" or false',
    check.integer({ min: 1 }),
    check.oneOf('auto', false)
  ),
  priority,
  cohort: check.func,
  cohortPeriod: check.duration({ min: MIN_COHORT_PERIOD, max: MAX_COHORT_PERIOD }),
  mode: check.oneOf('enforce', 'shadow'),
  readiness: check.oneOf('keep', 'fail')
}

const ROUTE_SHAPE: OptionShape = { priority, maxInFlight: check.integer({ min: 1 }) }

/** A rank, or the user's function that tells the priority. */
export type RankSource = Rank | PriorityFunction

/** The options with their defaults. */
export interface ResolvedOptions {
  readonly maxQueueDelay: number
  /** `Infinity` for no limit, `undefined` to find it. */
  readonly maxInFlight: number | undefined
  readonly rank: RankSource
  readonly cohort: ((request: FastifyRequest) => string) | undefined
  readonly cohortPeriod: number
  readonly isShadow: boolean
  readonly failsReadiness: boolean
}

/** @throws UnknownOptionError, InvalidOptionError */
export function resolveOptions(given: LoadSheddingOptions): ResolvedOptions {
  checkOptions('loadShedding', given, SHAPE, FOREIGN_NAMES)
  const { maxQueueDelay = 100, maxInFlight = 'auto', cohortPeriod = '1 hour' } = given
  return {
    maxQueueDelay: parseDuration(maxQueueDelay, 'loadShedding.maxQueueDelay'),
    maxInFlight: maxInFlight === 'auto' ? undefined : maxInFlight || Infinity,
    rank: rankSourceOf(given.priority ?? 'normal'),
    cohort: given.cohort,
    cohortPeriod: parseDuration(cohortPeriod, 'loadShedding.cohortPeriod'),
    isShadow: given.mode === 'shadow',
    failsReadiness: given.readiness === 'fail'
  }
}

/** The options of a route with their defaults. */
export interface ResolvedRouteOptions {
  readonly rank: RankSource | undefined
  /** `Infinity` for no limit of its own. */
  readonly maxInFlight: number
}

/**
 * Reads a route's `config.loadShedding` other than `false`.
 *
 * @param path names it in messages
 * @throws UnknownOptionError, InvalidOptionError
 */
export function resolveRouteOptions(given: unknown, path: string): ResolvedRouteOptions {
  if (typeof given === 'string') {
    check.oneOf(...PRIORITIES)(given, path)
    return { rank: rankOf(given), maxInFlight: Infinity }
  }
  checkOptions(path, given, ROUTE_SHAPE, FOREIGN_NAMES)
  const options = given as LoadSheddingRouteOptions
  return {
    rank: options.priority === undefined ? undefined : rankSourceOf(options.priority),
    maxInFlight: options.maxInFlight ?? Infinity
  }
}

function rankSourceOf(priority: Priority | PriorityFunction): RankSource {
  return typeof priority === 'function' ? priority : (rankOf(priority) as Rank)
}
