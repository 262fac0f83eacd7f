/**
 * A format: the names under which a line is written.
 */
import type { TraceContext } from '@holdfast/core'
import type { Line } from '../line.ts'

/** A way to write a line. */
export interface Format {
  /** Returns what the logger is given: a flat object of its own. */
  shape(line: Line, trace: TraceContext | undefined): object
  /** The names that the application cannot use for its fields. */
  readonly reserved: ReadonlySet<string>
}

/**
 * Names that the application cannot use in any format: those that the logger puts on every line,
 * `__proto__`, and those by which pino takes a line for a raw request or response.
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
