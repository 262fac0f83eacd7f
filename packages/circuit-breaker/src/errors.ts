/**
 * The errors of this package. None carries a stack: they say what is, not where.
 */
import { type CodedErrorConstructor, defineError } from '@holdfast/core'

// Registered, so that an error made by another copy of this package is known too.
const OPEN = Symbol.for('holdfast.circuit-open')

const CodedOpenError: CodedErrorConstructor<'HOLDFAST_ERR_CIRCUIT_BREAKER_OPEN'> = defineError(
  'HOLDFAST_ERR_CIRCUIT_BREAKER_OPEN',
  'The circuit breaker "%s" is open. Try again in %s s.',
  503
)

/**
 * A call that was refused because its breaker is open, or half-open with its probe under way.
 * Thrown from a handler it answers the request with 503 and `Retry-After`.
 */
export class CircuitOpenError extends CodedOpenError {
  /** The name of the breaker. */
  readonly breaker: string
  /** Milliseconds until a call may be let through. */
  readonly retryAfter: number
  override readonly headers: Record<string, string>

  static {
    Object.defineProperty(CircuitOpenError.prototype, OPEN, { value: true })
  }

  constructor(breaker: string, retryAfter: number) {
    const seconds = Math.max(1, Math.ceil(retryAfter / 1000))
    super(breaker, seconds)
    this.breaker = breaker
    this.retryAfter = retryAfter
    this.headers = { 'retry-after': String(seconds), 'cache-control': 'no-store' }
  }
}

/** How far down a chain of causes to look; a chain may be a ring. */
const DEEPEST_CAUSE = 10

/**
 * Whether an error is a {@link CircuitOpenError}, or was caused by one: `fetch` and proxies wrap
 * what they were thrown. Knows those of other copies of this package, too.
 */
export function isCircuitOpen(error: unknown): boolean {
  let suspect = error
  try {
    for (let depth = 0; depth < DEEPEST_CAUSE; depth++) {
      if (typeof suspect !== 'object' || suspect === null) return false
      if (OPEN in suspect) return true
      suspect = (suspect as { cause?: unknown }).cause
    }
  } catch {
    // A getter that throws. The call it is thrown from must still be counted.
  }
  return false
}

/** A call that took longer than its `timeout`. Also the reason its `call.signal` aborts with. */
export const CallTimeoutError: CodedErrorConstructor<'HOLDFAST_ERR_CIRCUIT_BREAKER_CALL_TIMEOUT'> =
  defineError(
    'HOLDFAST_ERR_CIRCUIT_BREAKER_CALL_TIMEOUT',
    'A call through the circuit breaker "%s" took longer than %s ms.',
    504
  )

/** One name with two sets of options. */
export const BreakerConflictError: CodedErrorConstructor<'HOLDFAST_ERR_CIRCUIT_BREAKER_CONFLICT'> =
  defineError(
    'HOLDFAST_ERR_CIRCUIT_BREAKER_CONFLICT',
    'The circuit breaker "%s" exists with other options (%s). Give the same options wherever you name it, or leave them out, or choose another name.',
    500
  )
