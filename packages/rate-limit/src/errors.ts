/**
 * The errors of this package.
 */
import { type CodedErrorConstructor, defineError } from '@holdfast/core'
import type { Decision } from './decision.ts'
import { type Fields, retrySeconds, writeDenialFields } from './headers.ts'

const CodedRateLimitError: CodedErrorConstructor<'HOLDFAST_ERR_RATE_LIMIT_EXCEEDED'> = defineError(
  'HOLDFAST_ERR_RATE_LIMIT_EXCEEDED',
  'Rate limit exceeded. %s',
  429
)

/**
 * A client asked more than its limit allows. Goes to the user's error handler where there is one,
 * with the status 429 and the headers already set on the reply.
 */
export class RateLimitExceededError extends CodedRateLimitError {
  /** What was decided, with the time after which to retry. */
  readonly decision: Decision
  override readonly headers: Record<string, string>
  override readonly problem: Record<string, unknown>

  /** @param fields the header fields that tell the client its limit */
  constructor(decision: Decision, fields: Readonly<Fields> = {}) {
    super(advice(decision))
    this.decision = decision
    this.headers = { ...fields }
    writeDenialFields(this.headers, decision)
    this.problem = {
      type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
      title: 'Quota exceeded',
      'violated-policies': violated(decision)
    }
  }
}

function violated(decision: Decision): string[] {
  const { each = [decision] } = decision
  return each.filter(({ allowed }) => !allowed).map(({ policy }) => policy)
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

/** At boot: the store can be reached, and does not let itself be used. */
export class StoreRefusedError extends CodedStoreError {}
