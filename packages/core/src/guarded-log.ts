/**
 * The one way in which the suite writes to a logger of the user's.
 */
import { contain } from './guard.ts'
import { reportOnce } from './report.ts'

/** Writes a message, with fields before it or without. */
export interface GuardedLogMethod {
  (fields: object, message: string): void
  (message: string): void
}

/** A logger to write to: Fastify's, pino's, or any other with these methods. */
export interface LogTarget {
  trace(fields: object | string, message?: string): unknown
  debug(fields: object | string, message?: string): unknown
  info(fields: object | string, message?: string): unknown
  warn(fields: object | string, message?: string): unknown
  error(fields: object | string, message?: string): unknown
  fatal(fields: object | string, message?: string): unknown
}

/** The methods of a logger. None of them throws. */
export interface GuardedLog {
  readonly trace: GuardedLogMethod
  readonly debug: GuardedLogMethod
  readonly info: GuardedLogMethod
  readonly warn: GuardedLogMethod
  readonly error: GuardedLogMethod
  readonly fatal: GuardedLogMethod
}

/**
 * Guards a logger: where one of its methods throws, returns a promise that rejects, or writes to a
 * stream that throws, the line is lost and nothing else. That is told once for each logger, as a
 * process warning. Make it once for each registration, not for each line.
 */
export function guardedLog(log: LogTarget): GuardedLog {
  const method = (level: keyof GuardedLog): GuardedLogMethod => {
    return (first: object | string, message?: string) => {
      try {
        // With one argument only where one was given: a logger may count them.
        const result: unknown =
          message === undefined ? log[level](first) : log[level](first, message)
        contain(result, log, 'the logger')
      } catch (error) {
        reportOnce(log, 'the logger', error)
      }
    }
  }
  return {
    trace: method('trace'),
    debug: method('debug'),
    info: method('info'),
    warn: method('warn'),
    error: method('error'),
    fatal: method('fatal')
  }
}
