/**
 * The errors of this package.
 */
import { type CodedErrorConstructor, defineError } from '@holdfast/core'
import type { Decision } from './decision.ts'
import { denialFields, type Fields, wholeSeconds } from './headers.ts'

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
  constructor(decision: Decision, fields: Fields = {}) {
    super(advice(decision))
    this.decision = decision
    this.headers = { ...fields, ...denialFields(decision) }
    this.problem = {
      type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
      title: 'Quota exceeded',
      'violated-policies': [decision.policy]
    }
  }
}

function advice({ retryAfter }: Decision): string {
  if (retryAfter === Infinity) return 'Requests like this are never allowed.'
  return `Try again in ${Math.max(1, wholeSeconds(retryAfter))} s.`
}
