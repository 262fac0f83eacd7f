import {
  check,
  type Duration,
  InvalidOptionError,
  type OptionCheck,
  parseDuration
} from '@holdfast/core/options'
import { FOREIGN_PRESSURE_NAMES } from './foreign-names.ts'
import { MAX_DURATION } from './timeouts.ts'

/**
 * The pressure sensor, and what is done beyond its thresholds. Without a threshold nothing is. They
 * are those of `@fastify/under-pressure`.
 */
export interface PressureOptions {
  /**
   * How long a sample is used, 100 ms at least. Without a threshold the next one is taken when
   * somebody asks.
   * @default 250
   */
  sampleInterval?: Duration | undefined
  /** How late the event loop may be, on average over a sample. */
  maxEventLoopDelay?: Duration | undefined
  /** The part of a sample the event loop may be busy: more than 0, at most 1. */
  maxEventLoopUtilization?: number | undefined
  maxHeapUsedBytes?: number | undefined
  maxRssBytes?: number | undefined
  /**
   * Whether requests are answered 503 while a threshold is exceeded. Probes never are.
   * @default true
   */
  refuse?: boolean | undefined
  /**
   * When a client that was refused is told to come back: after this at the earliest, twice as long
   * at the latest, in whole seconds.
   * @default '10s'
   */
  retryAfter?: Duration | undefined
  /**
   * Whether the service is not ready while a threshold is exceeded. Mind that load which presses
   * all instances takes all of them out.
   * @default false
   */
  readiness?: boolean | undefined
}

/** The options of the sensor with every default filled in, times in milliseconds. */
export interface ResolvedPressure {
  readonly hasThreshold: boolean
  readonly sampleInterval: number
  readonly thresholds: Thresholds
  readonly refuse: boolean
  readonly retryAfter: number
  readonly readiness: boolean
}

/** As `@fastify/under-pressure` names them; 0 is none. */
export interface Thresholds {
  readonly maxEventLoopDelay: number
  readonly maxEventLoopUtilization: number
  readonly maxHeapUsedBytes: number
  readonly maxRssBytes: number
}

const HOUR = 3_600_000

export const pressureShape: OptionCheck = check.shape(
  {
    sampleInterval: check.duration({ min: 100, max: HOUR }),
    maxEventLoopDelay: check.duration({ min: 1, max: HOUR }),
    maxEventLoopUtilization: check.number({ min: Number.MIN_VALUE, max: 1 }),
    maxHeapUsedBytes: check.number({ min: 1 }),
    maxRssBytes: check.number({ min: 1 }),
    refuse: check.boolean,
    retryAfter: check.duration({ max: MAX_DURATION }),
    readiness: check.boolean
  },
  FOREIGN_PRESSURE_NAMES
)

/** Fills in the defaults. @throws InvalidOptionError */
export function resolvePressure(given: PressureOptions): ResolvedPressure {
  const thresholds: Thresholds = {
    maxEventLoopDelay: parseDuration(
      given.maxEventLoopDelay ?? 0,
      'lifecycle.pressure.maxEventLoopDelay'
    ),
    maxEventLoopUtilization: given.maxEventLoopUtilization ?? 0,
    maxHeapUsedBytes: given.maxHeapUsedBytes ?? 0,
    maxRssBytes: given.maxRssBytes ?? 0
  }
  const hasThreshold = Object.values(thresholds).some((threshold) => threshold > 0)
  for (const option of ['refuse', 'readiness'] as const) {
    if (given[option] === true && !hasThreshold) {
      throw new InvalidOptionError(
        `lifecycle.pressure.${option}`,
        'used with a threshold, such as maxEventLoopUtilization',
        'alone'
      )
    }
  }
  return Object.freeze({
    hasThreshold,
    sampleInterval: parseDuration(given.sampleInterval ?? 250, 'lifecycle.pressure.sampleInterval'),
    thresholds: Object.freeze(thresholds),
    refuse: hasThreshold && given.refuse !== false,
    retryAfter: parseDuration(given.retryAfter ?? '10s', 'lifecycle.pressure.retryAfter'),
    readiness: given.readiness === true
  })
}
