/**
 * What a format is: the names under which a line is written.
 */
import type { TraceContext } from '@holdfast/core'
import type { Line } from '../line.ts'

/** One way to write a line. */
export interface Format {
  /** What the logger is given: an object of its own, flat, to which more may be added. */
  shape(line: Line, trace: TraceContext | undefined): object
  /** The names that the application cannot use for its own fields. */
  readonly reserved: ReadonlySet<string>
}

/**
 * Names that no format leaves to the application: those that the logger puts on every line,
 * `__proto__`, and those by which pino mistakes a line for a raw request or response.
 */
export const ALWAYS_RESERVED = [
  'level',
  'time',
  'pid',
  'hostname',
  'msg',
  'socket',
  'setHeader',
  '__proto__'
] as const
