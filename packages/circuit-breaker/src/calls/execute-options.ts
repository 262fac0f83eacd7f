/**
 * The options of one call, and their checks. These run for every call: options without a mistake
 * pass by a quick look, others are checked again for an error that names the mistake.
 */
import type { AnyRequest } from '@holdfast/core'
import {
  check,
  checkOptions,
  type Duration,
  describe,
  InvalidOptionError,
  type OptionCheck,
  type OptionShape,
  parseDuration
} from '@holdfast/core/options'

/** What a fallback is given beside the error. */
export interface FallbackContext {
  /** The name of the breaker. */
  readonly breaker: string
  /** Whether the call was not made: the breaker refused, or `maxConcurrent` calls run. */
  readonly refused: boolean
}

/** The options of one call through `execute`. */
export interface ExecuteOptions<Fallback = never> {
  /**
   * How long the call may take: milliseconds, or text such as `'2s'`; at least 1 ms. After it
   * `call.signal` aborts, the call counts as a failure, and `execute` rejects with a
   * `CallTimeoutError`.
   *
   * @default no limit
   */
  readonly timeout?: Duration | undefined
  /**
   * The caller's own signal. When it aborts, `execute` rejects with its reason, without fallback,
   * and the call counts as neither success nor failure.
   */
  readonly signal?: AbortSignal | undefined
  /** Answers in place of a call that was refused, failed or took too long. */
  readonly fallback?:
    | ((error: unknown, context: FallbackContext) => Fallback | PromiseLike<Fallback>)
    | undefined
  /**
   * The request that the call is made for, Fastify's or Node's: its facts and its log line name the
   * breaker when the fallback answers.
   *
   * @default none
   */
  readonly request?: AnyRequest | undefined
  /**
   * The most calls that may run through the breaker, this one included: a whole number of at least
   * 1. A call that was given up counts until it has really ended; so do permits that have not ended.
   *
   * @default no limit
   */
  readonly maxConcurrent?: number | undefined
}

/** How long a call may take, in milliseconds, and beside how many others; `Infinity` for no limit. */
export interface CallBounds {
  readonly timeout: number
  readonly maxConcurrent: number
}

const abortSignal: OptionCheck = (value, option) => {
  if (!(value instanceof AbortSignal)) {
    throw new InvalidOptionError(option, 'an AbortSignal', describe(value))
  }
}
const requestCheck: OptionCheck = (value, option) => {
  if (!isRequest(value)) {
    throw new InvalidOptionError(option, 'a request of Fastify or of Node', describe(value))
  }
}
const timeoutCheck = check.duration({ min: 1 })
const EXECUTE_SHAPE: OptionShape = {
  timeout: timeoutCheck,
  signal: abortSignal,
  fallback: check.func,
  request: requestCheck,
  maxConcurrent: check.integer({ min: 1 })
}

/** @throws UnknownOptionError, InvalidOptionError */
export function resolveExecuteOptions(given: ExecuteOptions<unknown>): CallBounds {
  if (!isCorrect(given)) checkOptions('execute', given, EXECUTE_SHAPE)
  const { timeout, maxConcurrent = Infinity } = given
  if (timeout === undefined) return { timeout: Infinity, maxConcurrent }
  const milliseconds = inMilliseconds(timeout)
  if (milliseconds < 1) timeoutCheck(timeout, 'execute.timeout')
  return { timeout: milliseconds, maxConcurrent }
}

/** Whether everything except the timeout is correct. */
function isCorrect(given: ExecuteOptions<unknown>): boolean {
  if (typeof given !== 'object' || given === null) return false
  for (const option in given) {
    if (
      option !== 'timeout' &&
      option !== 'signal' &&
      option !== 'fallback' &&
      option !== 'request' &&
      option !== 'maxConcurrent'
    ) {
      return false
    }
  }
  const { signal, fallback, request, maxConcurrent } = given
  return (
    (signal === undefined || signal instanceof AbortSignal) &&
    (fallback === undefined || typeof fallback === 'function') &&
    (request === undefined || isRequest(request)) &&
    (maxConcurrent === undefined || (Number.isSafeInteger(maxConcurrent) && maxConcurrent >= 1))
  )
}

function isRequest(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const raw = 'raw' in value ? value.raw : value
  return typeof raw === 'object' && raw !== null && 'headers' in raw
}

const MAX_PARSED_TEXTS = 100
const parsed = new Map<Duration, number>()

/** As `parseDuration`, but each text is parsed once: a service has only a few. */
function inMilliseconds(given: Duration): number {
  if (typeof given === 'number') return parseDuration(given, 'execute.timeout')
  let milliseconds = parsed.get(given)
  if (milliseconds === undefined) {
    milliseconds = parseDuration(given, 'execute.timeout')
    if (parsed.size < MAX_PARSED_TEXTS) parsed.set(given, milliseconds)
  }
  return milliseconds
}
