/**
 * Whether a request has a line, and at which level: by what its route says, how the request went,
 * the sample and the level. Nothing is built for a line that nobody wants.
 */
import type { IncomingMessage } from 'node:http'
import { pathOf, traceOf } from '@holdfast/core'
import {
  chosenLevel,
  type Levels,
  type LogLevel,
  levelInTable,
  type SettledRequest
} from './level.ts'
import { isRoutine, keepsId, keepsTrace } from './sampling.ts'
import type { Silence } from './silence.ts'

/** The rules for the lines of one route. */
export interface LineRules {
  /** `config.requestLogging: false`: no line at all. */
  readonly silent: boolean
  /** Which requests write no line. */
  readonly silence: Silence
  /** `config.holdfast.probe` of the route. */
  readonly probe: boolean
  readonly levels: Levels
  /** Milliseconds from which a request is slow; `Infinity` when nothing is. */
  readonly slow: number
  /** The share, 0 to 1, of routine lines that is written. */
  readonly sample: number
  /** A `;` begins the query too (Fastify's `useSemicolonDelimiter`). */
  readonly semicolons: boolean
}

/** A request as it came. */
export interface RequestOrigin {
  readonly raw: IncomingMessage
  /** Its target, before anybody rewrote it. */
  readonly target: string
  readonly facts: { readonly probe?: true | undefined }
}

/** The level of a line, or why there is none. */
export type LineDecision = LogLevel | 'sampled-out'

/**
 * Returns the level of the line; `'silent'` and `'sampled-out'` mean no line.
 *
 * @param origin `undefined` for what never became a request
 */
export function decideLevel(
  rules: LineRules,
  settled: SettledRequest,
  origin: RequestOrigin | undefined
): LineDecision {
  const { silent, silence, levels, sample } = rules
  if (silent) return 'silent'
  if (origin !== undefined) {
    if (isSilenced(rules, settled, origin)) return 'silent'
    if (sample !== 1 && !isSampled(rules, settled, origin.raw)) return 'sampled-out'
  }
  const { choose, table } = levels
  if (silence.hasFunctions && silence.covers(copyOf(settled))) return 'silent'
  if (choose !== undefined) return chosenLevel(choose, copyOf(settled), table)
  return levelInTable(table, settled.outcome, settled.slow)
}

/** What a function of the user's is given: no more than is documented, and for it to keep. */
function copyOf(settled: SettledRequest): SettledRequest {
  const { outcome, status, duration, slow, error, request, reply } = settled
  return { outcome, status, duration, slow, error, request, reply }
}

/** The share of such lines that is written: this one stands for `1 / sampleRate` of them. */
export function sampleRateOf({ sample }: LineRules, { outcome, slow }: SettledRequest): number {
  return sample !== 1 && isRoutine(outcome) && !slow ? sample : 1
}

/** Whether the line is among those that are kept: by its trace, or else by its id. */
function isSampled(rules: LineRules, settled: SettledRequest, raw: IncomingMessage): boolean {
  const rate = sampleRateOf(rules, settled)
  if (rate === 1 || rate === 0) return rate === 1
  const trace = traceOf(raw)
  if (trace !== undefined) return keepsTrace(trace.traceId, rate)
  const { request } = settled
  // Neither has what was never routed; an upgrade for example.
  return request === undefined ? Math.random() < rate : keepsId(String(request.id), rate)
}

/** By being a probe, or by path. One that failed with an error is written all the same. */
function isSilenced(
  { silence, probe, semicolons }: LineRules,
  { outcome, error }: SettledRequest,
  { target, facts }: RequestOrigin
): boolean {
  const silenced =
    (silence.probes && (probe || facts.probe === true)) ||
    (silence.hasPaths && silence.coversPath(pathOf(target, semicolons)))
  return silenced && !(outcome === 'server-error' && error !== undefined)
}
