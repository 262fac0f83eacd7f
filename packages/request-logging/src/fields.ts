/**
 * What the application adds to the line of a request.
 */
import { printable } from './masking.ts'

/** Fields of the application's own. Values are written as JSON. */
export type LogFields = Readonly<Record<string, unknown>>

/**
 * Names that the application cannot use: those of the line itself, those that the logger puts on
 * every line, `__proto__`, and `socket`, by which pino mistakes a line for a raw request.
 */
const RESERVED_FIELDS: ReadonlySet<string> = new Set([
  'level',
  'time',
  'pid',
  'hostname',
  'msg',
  'id',
  'method',
  'route',
  'path',
  'status',
  'outcome',
  'duration',
  'bytesOut',
  'client',
  'refusedBy',
  'rateLimit',
  'breaker',
  'error',
  'socket',
  'setHeader',
  '__proto__'
])

/** Takes fields over; of two with the same name the later stands. Reserved names are left out. */
export function addFields(collected: Record<string, unknown>, fields: LogFields): void {
  for (const [name, value] of Object.entries(fields)) {
    if (RESERVED_FIELDS.has(name)) continue
    collected[name] = typeof value === 'string' ? printable(value) : value
  }
}
