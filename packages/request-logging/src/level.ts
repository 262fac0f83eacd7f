/**
 * The level of a line, from what became of the request.
 */
import { describe, InvalidOptionError, reportOnce } from '@holdfast/core'
import type { Outcome } from './outcome.ts'

/** The levels a line can be written at. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const

/** A level of the logger, or `'silent'` for no line. */
export type LogLevel = (typeof LOG_LEVELS)[number] | 'silent'

/** A level for some outcomes; the others keep theirs. */
export type LevelTable = { readonly [outcome in Outcome]?: LogLevel | undefined }

/** What a level is chosen by. */
export interface SettledRequest {
  readonly outcome: Outcome
  /** As on the line: `undefined` where no answer was begun. */
  readonly status: number | undefined
  /** Milliseconds; `undefined` where no request was ever understood. */
  readonly duration: number | undefined
}

/** Chooses the level of a line. */
export type LevelFunction = (settled: SettledRequest) => LogLevel

/** The level of every outcome unless options say otherwise. */
export const DEFAULT_LEVELS: Readonly<Record<Outcome, LogLevel>> = Object.freeze({
  ok: 'info',
  'client-error': 'info',
  'server-error': 'error',
  refused: 'warn',
  aborted: 'warn',
  cut: 'error',
  hijacked: 'info',
  malformed: 'warn'
})

/** The function behind {@link DEFAULT_LEVELS}. */
export const levelByOutcome: LevelFunction = ({ outcome }) => DEFAULT_LEVELS[outcome]

const KNOWN: ReadonlySet<unknown> = new Set([...LOG_LEVELS, 'silent'])

/**
 * Makes one function of what a user gave. An outcome that a table leaves out, and a function that
 * throws or returns no level, which is reported once, get the level of `otherwise`.
 */
export function levelFunction(
  given: LevelTable | LevelFunction | undefined,
  otherwise: LevelFunction
): LevelFunction {
  if (given === undefined) return otherwise
  if (typeof given === 'object') {
    const table = { ...given }
    return (settled) => table[settled.outcome] ?? otherwise(settled)
  }
  return (settled) => {
    try {
      const level = given(settled)
      if (KNOWN.has(level)) return level
      throw new InvalidOptionError(
        'level',
        `a function that returns one of ${[...KNOWN].join(', ')}`,
        `one that returned ${describe(level)}`
      )
    } catch (error) {
      reportOnce(given, 'the option requestLogging.level', error)
      return otherwise(settled)
    }
  }
}
