/**
 * A format: the names under which a line is written.
 */
import type { TraceContext } from '@holdfast/core'
import type { LogFields } from '../fields.ts'
import type { Line } from '../line.ts'

/** A way to write a line. */
export interface Format {
  /** Returns what a logger is given: a flat object of its own. */
  shape(line: Line, trace: TraceContext | undefined): object
  /** Adds the members of {@link shape} to a JSON object that is not closed yet, and not empty. */
  append(json: string, line: Line, trace: TraceContext | undefined): string
  /** The names that the application cannot use for its fields. */
  readonly reserved: ReadonlySet<string>
}

/** A line with all that its format writes. */
export class LineEntry {
  readonly line: Line
  readonly trace: TraceContext | undefined
  /** The application's fields. */
  readonly added: LogFields | undefined

  constructor(line: Line, trace: TraceContext | undefined, added: LogFields | undefined) {
    this.line = line
    this.trace = trace
    this.added = added
  }

  /** Returns what a logger is given for it. */
  shaped({ shape }: Format): object {
    const fields = shape(this.line, this.trace)
    return this.added === undefined ? fields : { ...fields, ...this.added }
  }
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
