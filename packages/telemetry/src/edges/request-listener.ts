/**
 * Where requests are measured: when they have settled, whatever became of them.
 */

import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  type Ending,
  type IntakeListener,
  isHijacked,
  isUpgrade,
  monotonicClock,
  type RequestRecord,
  routeConfig,
  traceOf
} from '@holdfast/core'
import type { DurationSeries } from '../duration-series.ts'
import { errorTypeOf } from '../error-type.ts'
import { outcomeOf, refusalOf } from '../outcome.ts'
import type { RequestCounts } from '../request-counts.ts'
import type { RecordDuration } from './open-telemetry.ts'

const MILLISECONDS = 1000
/** The flag of W3C Trace Context. */
const SAMPLED = 1

/** Counts the requests of an app and measures how long they took. */
export class RequestListener implements IntakeListener {
  /** Hands durations on; set when the app is ready. */
  record: RecordDuration | undefined = undefined
  readonly #series: DurationSeries
  readonly #counts: RequestCounts
  readonly #measuresProbes: boolean
  readonly #keepsExemplars: boolean

  constructor(
    series: DurationSeries,
    counts: RequestCounts,
    measuresProbes: boolean,
    keepsExemplars: boolean
  ) {
    this.#series = series
    this.#counts = counts
    this.#measuresProbes = measuresProbes
    this.#keepsExemplars = keepsExemplars
  }

  request(): void {}

  settled(response: ServerResponse, ending: Ending, record: RequestRecord): void {
    const { routed, reply } = record
    const { req, statusCode } = response
    const hijacked = isUpgrade(req) ? record.refusedBy === undefined : isTakenOver(reply)
    const outcome = outcomeOf(record, ending, statusCode, hijacked)
    this.#counts.count(outcome)
    if (outcome === 'refused') this.#counts.countRefusal(refusalOf(record))
    if (outcome === 'hijacked') return
    const config = routed === undefined ? undefined : routeConfig(routed)
    if (!this.#isMeasured(record, config)) return
    const series = this.#series.of(
      // Node's type has clients' messages in mind: a request that a server takes in has one.
      req.method as string,
      config?.url,
      response.headersSent ? statusCode : 0,
      errorTypeOf(record, ending, statusCode),
      versionOf(req)
    )
    const seconds = (monotonicClock() - record.startedAt) / MILLISECONDS
    const trace = this.#keepsExemplars ? traceOf(req) : undefined
    if (trace === undefined || (trace.flags & SAMPLED) === 0) series.histogram.record(seconds)
    else series.recordTraced(seconds, trace.traceId, Date.now() / MILLISECONDS)
    this.record?.(seconds, series.attributes)
  }

  tunnel(): void {
    this.#counts.count('hijacked')
  }

  malformed(): void {
    this.#counts.count('malformed')
  }

  #isMeasured(
    { probe }: RequestRecord,
    config: ReturnType<typeof routeConfig> | undefined
  ): boolean {
    if (config === undefined) return true
    if (!this.#measuresProbes && (probe === true || config.holdfast?.probe === true)) return false
    const { telemetry } = config
    return telemetry !== false && telemetry?.duration !== false
  }
}

function isTakenOver(reply: RequestRecord['reply']): boolean {
  return reply !== undefined && isHijacked(reply) === true
}

function versionOf({ httpVersion }: IncomingMessage): string {
  return httpVersion === '2.0' ? '2' : httpVersion
}
