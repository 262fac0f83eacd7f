/**
 * The level of a line, from what became of the request.
 */
import { guardedCall, reportOnce } from '@holdfast/core'
import { describe } from '@holdfast/core/options'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { RequestOutcome } from './outcome.ts'

/** The levels a line can be written at. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const

/** A level of the logger. */
export type WrittenLevel = (typeof LOG_LEVELS)[number]

/** A level of the logger, or `'silent'` for no line. */
export type LogLevel = WrittenLevel | 'silent'

/**
 * Levels for some outcomes; the others keep theirs. `slow` is for requests that went well but took
 * as long as the option `slow` says, or longer.
 */
export type LevelTable = { readonly [outcome in RequestOutcome | 'slow']?: LogLevel | undefined }

/** How a request went: what its level is chosen by. */
export interface SettledRequest {
  readonly outcome: RequestOutcome
  /** The status on the line; `undefined` when no answer was begun. */
  readonly status: number | undefined
  /**
   * Milliseconds with at most three decimals; `undefined` for what is `malformed` from the start.
   */
  readonly duration: number | undefined
  /** Whether it took as long as the option `slow` says, or longer. */
  readonly slow: boolean
  /** What was thrown, `null` also for a thrown `undefined`; `undefined` when nothing was. */
  readonly error: unknown
  /** Fastify's request; `undefined` when it was never routed. */
  readonly request: FastifyRequest | undefined
  /** Fastify's reply; `undefined` when the request was never routed. */
  readonly reply: FastifyReply | undefined
}

/** Chooses the level of a line. */
export type LevelFunction = (settled: SettledRequest) => LogLevel

/** How levels are chosen: by the table, or by the function where there is one. */
export interface Levels {
  readonly table: Readonly<Record<RequestOutcome | 'slow', LogLevel>>
  readonly choose: LevelFunction | undefined
}

/** The level of every outcome unless options say otherwise. */
export const DEFAULT_LEVELS: Levels = Object.freeze({
  table: Object.freeze({
    ok: 'info',
    slow: 'warn',
    'client-error': 'info',
    'server-error': 'error',
    refused: 'warn',
    aborted: 'warn',
    cut: 'error',
    hijacked: 'info',
    malformed: 'warn'
  }),
  choose: undefined
})

/** Puts a user's levels in front of others: what a table leaves out is decided by `otherwise`. */
export function levelsOf(given: LevelTable | LevelFunction | undefined, otherwise: Levels): Levels {
  if (given === undefined) return otherwise
  if (typeof given === 'function') return { table: otherwise.table, choose: given }
  const own = { ...given }
  const table = { ...otherwise.table }
  for (const key of Object.keys(table) as (keyof typeof table)[])
    table[key] = own[key] ?? table[key]
  const { choose } = otherwise
  return {
    table,
    choose: choose && ((settled) => own[keyOf(settled.outcome, settled.slow)] ?? choose(settled))
  }
}

function keyOf(outcome: RequestOutcome, slow: boolean): RequestOutcome | 'slow' {
  return slow && outcome === 'ok' ? 'slow' : outcome
}

/** The level that a table has for a request. */
export function levelInTable(
  table: Levels['table'],
  outcome: RequestOutcome,
  slow: boolean
): LogLevel {
  return table[keyOf(outcome, slow)]
}

const KNOWN: ReadonlySet<string> = new Set([...LOG_LEVELS, 'silent'])

const WHERE = 'the option requestLogging.level'

/**
 * Asks a user's function. When it throws, or returns a promise or anything else that is no level,
 * the table decides. That is reported once.
 */
export function chosenLevel(
  choose: LevelFunction,
  settled: SettledRequest,
  table: Levels['table']
): LogLevel {
  const level = guardedCall(choose, WHERE, settled)
  if (level !== undefined && KNOWN.has(level)) return level
  // Without effect for one that threw or returned a promise: it was reported already.
  reportOnce(
    choose,
    WHERE,
    `It must return ${[...KNOWN].join(', ')}, but returned ${describe(level)}.`
  )
  return levelInTable(table, settled.outcome, settled.slow)
}
