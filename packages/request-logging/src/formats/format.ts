/**
 * A format: the names under which a line is written.
 */
import type { TraceContext } from '@holdfast/core'
import type { LogFields } from '../fields.ts'
import { type Line, messageOf } from '../line.ts'
import { quoted } from './json.ts'

/** A way to write a line. */
export interface Format {
  /** Returns what a logger is given: a flat object of its own. */
  shape(line: Line, trace: TraceContext | undefined): object
  /** Returns what is the same on all lines with this method, route, status and outcome, as JSON. */
  common(line: Line): CommonText
  /**
   * Adds the members of {@link shape} to a JSON object that is not closed yet, and not empty.
   *
   * @param common what {@link common} returns for such a line
   */
  append(json: string, line: Line, trace: TraceContext | undefined, common: CommonText): string
  /** The names that the application cannot use for its fields. */
  readonly reserved: ReadonlySet<string>
}

/** Members of a JSON object, each text in one piece: it is copied into every line. */
export interface CommonText {
  /** The members before the path, and the key of the path. */
  readonly beforePath: string
  /** The members right behind the path. */
  readonly afterPath: string
}

/** What lines have in common, with their message. */
export interface SharedText extends CommonText {
  /** `undefined` where the message has the path in it. */
  readonly message: string | undefined
  /** The message as JSON. */
  readonly quotedMessage: string
}

/** Returns what all lines with the method, route, status and outcome of this one have in common. */
export function sharedTextOf(format: Format, line: Line): SharedText {
  const { beforePath, afterPath } = format.common(line)
  // Without a route, or a method, the message is not that of others.
  const message = line.route === undefined ? undefined : messageOf(line)
  return { beforePath, afterPath, message, quotedMessage: quoted(message ?? '') }
}

/** A line with all that its format writes. */
export class LineEntry {
  readonly line: Line
  readonly trace: TraceContext | undefined
  /** The application's fields. */
  readonly added: LogFields | undefined
  /** What the line has in common with others; `undefined` when that is not known. */
  readonly shared: SharedText | undefined

  constructor(
    line: Line,
    trace: TraceContext | undefined,
    added: LogFields | undefined,
    shared?: SharedText
  ) {
    this.line = line
    this.trace = trace
    this.added = added
    this.shared = shared
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
