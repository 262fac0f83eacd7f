/**
 * The errors of this package.
 */
import { type CodedErrorConstructor, defineError } from '@holdfast/core/options'
import type { Decision } from './decision.ts'
import { type Fields, retrySeconds, writeDenialFields } from './headers.ts'

const CodedRateLimitError: CodedErrorConstructor<'HOLDFAST_ERR_RATE_LIMIT_EXCEEDED'> = defineError(
  'HOLDFAST_ERR_RATE_LIMIT_EXCEEDED',
  'Rate limit exceeded. %s',
  429
)

/**
 * A client asked for more than its limit allows. The error goes to the user's error handler where
 * there is one, with the status 429 and the headers already set on the reply.
 */
export class RateLimitExceededError extends CodedRateLimitError {
  /** The decision, with the time to wait. */
  readonly decision: Decision
  override readonly headers: Record<string, string>
  override readonly problem: Record<string, unknown>

  /** @param fields header fields that tell the client its limit */
  constructor(decision: Decision, fields: Readonly<Fields> = {}) {
    super(advice(decision))
    this.decision = decision
    this.headers = { ...fields }
    writeDenialFields(this.headers, decision)
    this.problem = decision.reason === 'banned' ? BANNED : exceeded(decision)
  }
}

const PROBLEM_TYPES = 'https://iana.org/assignments/http-problem-types'

const BANNED = {
  type: `${PROBLEM_TYPES}#abnormal-usage-detected`,
  title: 'Abnormal usage detected'
}

function exceeded(decision: Decision): Record<string, unknown> {
  const { each = [decision] } = decision
  return {
    type: `${PROBLEM_TYPES}#quota-exceeded`,
    title: 'Quota exceeded',
    'violated-policies': each.filter(({ allowed }) => !allowed).map(({ policy }) => policy)
  }
}

function advice(decision: Decision): string {
  const seconds = retrySeconds(decision)
  if (seconds === undefined) return 'Requests like this are never allowed.'
  return `Try again in ${seconds} s.`
}

const CodedStoreError: CodedErrorConstructor<'HOLDFAST_ERR_RATE_LIMIT_STORE_REFUSED'> = defineError(
  'HOLDFAST_ERR_RATE_LIMIT_STORE_REFUSED',
  'rateLimit: Redis does not let this client run scripts: %s. Allow its user EVAL, EVALSHA, TIME, MGET, SET and DEL on the keys of the prefix.',
  500
)

/** At boot: Redis can be reached, but does not let the client run scripts. */
export class StoreRefusedError extends CodedStoreError {}

const CodedRequestNeededError: CodedErrorConstructor<'HOLDFAST_ERR_RATE_LIMIT_REQUEST_NEEDED'> =
  defineError(
    'HOLDFAST_ERR_RATE_LIMIT_REQUEST_NEEDED',
    'rateLimit: "%s" is a function of the request. Give the request in place of a key.',
    500
  )

/** A limiter was asked about a key, and has an option that is a function of the request. */
export class RequestNeededError extends CodedRequestNeededError {}

const CodedTooManyError: CodedErrorConstructor<'HOLDFAST_ERR_RATE_LIMIT_TOO_MANY_LIMITERS'> =
  defineError(
    'HOLDFAST_ERR_RATE_LIMIT_TOO_MANY_LIMITERS',
    'rateLimit: app.%s() cannot make a further limit, because %s policies have been made by decorators already. A limit is made once, not for each request: make it before the app is ready and keep it, or give it a groupId.',
    500
  )

/** A decorator was called too often, for example for each request. */
export class TooManyLimitersError extends CodedTooManyError {}

const CodedNotSynchronousError: CodedErrorConstructor<'HOLDFAST_ERR_RATE_LIMIT_NOT_SYNCHRONOUS'> =
  defineError(
    'HOLDFAST_ERR_RATE_LIMIT_NOT_SYNCHRONOUS',
    'rateLimit: checkSync() cannot wait, and %s. Use check().',
    500
  )

/** A limiter was asked for an answer at once, and would have to wait for a function or a store. */
export class NotSynchronousError extends CodedNotSynchronousError {}

const CodedUnavailableError: CodedErrorConstructor<'HOLDFAST_ERR_RATE_LIMIT_STORE_UNAVAILABLE'> =
  defineError(
    'HOLDFAST_ERR_RATE_LIMIT_STORE_UNAVAILABLE',
    'rateLimit: the store did not answer, so %s() applies in this process only, and only while the store is away. Try again.',
    503
  )

/** A client should have been banned or forgotten in a store that does not answer. */
export class StoreUnavailableError extends CodedUnavailableError {}
