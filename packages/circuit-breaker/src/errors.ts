/**
 * The errors of this package.
 */
import { type CodedErrorConstructor, defineError } from '@holdfast/core/options'

// Registered, so that an error made by another copy of this package is known too.
const OPEN = Symbol.for('holdfast.circuit-open')
const REFUSED = Symbol.for('holdfast.call-refused')

const CodedOpenError: CodedErrorConstructor<'HOLDFAST_ERR_CIRCUIT_BREAKER_OPEN'> = defineError(
  'HOLDFAST_ERR_CIRCUIT_BREAKER_OPEN',
  'The circuit breaker is open.',
  503
)

/**
 * A call that was refused because its breaker is open or isolated, or lets only some calls through
 * and this was not one of them. Thrown from a handler it answers the request with 503 and
 * `Retry-After`.
 */
export class CircuitOpenError extends CodedOpenError {
  /** The name of the breaker. */
  readonly breaker: string
  /** Milliseconds until a call may be let through. */
  readonly retryAfter: number
  override readonly headers: Record<string, string>

  static {
    Object.defineProperty(CircuitOpenError.prototype, OPEN, { value: true })
    Object.defineProperty(CircuitOpenError.prototype, REFUSED, { value: true })
  }

  constructor(breaker: string, retryAfter: number) {
    // Built here: the formatting of the base class costs as much as everything else.
    super()
    const seconds = String(Math.max(1, Math.ceil(retryAfter / 1000)))
    this.message = `The circuit breaker "${breaker}" is open. Try again in ${seconds} s.`
    this.breaker = breaker
    this.retryAfter = retryAfter
    this.headers = { 'retry-after': seconds, 'cache-control': 'no-store' }
  }
}

const CodedFullError: CodedErrorConstructor<'HOLDFAST_ERR_CIRCUIT_BREAKER_FULL'> = defineError(
  'HOLDFAST_ERR_CIRCUIT_BREAKER_FULL',
  'As many calls run through the circuit breaker "%s" as its maxConcurrent of %s allows.',
  503
)

/** A call that was refused because `maxConcurrent` calls run already. */
export class CircuitFullError extends CodedFullError {
  /** The name of the breaker. */
  readonly breaker: string

  static {
    Object.defineProperty(CircuitFullError.prototype, REFUSED, { value: true })
  }

  constructor(breaker: string, maxConcurrent: number) {
    super(breaker, maxConcurrent)
    this.breaker = breaker
  }
}

/** How far down a chain of causes to look: a chain may be circular. */
const MAX_CAUSE_DEPTH = 10

/**
 * Whether an error is a {@link CircuitOpenError}, or was caused by one: `fetch` and proxies wrap
 * what they were thrown. Recognizes those of other copies of this package, too.
 */
export function isCircuitOpen(error: unknown): boolean {
  return isMarked(error, OPEN)
}

/** Whether an error is the refusal of a breaker, for whatever reason. */
export function isRefusal(error: unknown): boolean {
  return isMarked(error, REFUSED)
}

function isMarked(error: unknown, mark: symbol): boolean {
  let suspect = error
  try {
    for (let depth = 0; depth < MAX_CAUSE_DEPTH; depth++) {
      if (typeof suspect !== 'object' || suspect === null) return false
      if (mark in suspect) return true
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

/** A name that no breaker has. */
export const UnknownBreakerError: CodedErrorConstructor<'HOLDFAST_ERR_CIRCUIT_BREAKER_UNKNOWN'> =
  defineError(
    'HOLDFAST_ERR_CIRCUIT_BREAKER_UNKNOWN',
    'There is no circuit breaker "%s". app.circuitBreakers.snapshots() names those there are, app.circuitBreaker(name) makes one.',
    404
  )
