/**
 * The answers to denied requests. They differ by seconds only, so few are ever made, however many
 * requests are denied.
 */
import { problemOf, type Refusal } from '@holdfast/core'
import { wholeSeconds } from '../algorithms/nanoseconds.ts'
import type { Decision } from '../decision.ts'
import { RateLimitExceededError } from '../errors.ts'
import { type Fields, type FieldWriter, retrySeconds, writeDenialFields } from '../headers.ts'

/** Cost and time make combinations; a service that has more than these makes some of them again. */
const MOST = 100

const NONE: readonly Decision[] = []

/** The answers under one limit. */
export class CachedRefusals {
  readonly #write: FieldWriter
  readonly #made = new Map<number, CachedRefusal>()

  /** @param write what tells a client its limit */
  constructor(write: FieldWriter) {
    this.#write = write
  }

  /** The answer to a request about which this was decided. */
  of(decision: Decision): Refusal {
    const seconds = retrySeconds(decision) ?? Infinity
    const made = this.#made.get(seconds)
    if (made?.fits(decision) === true) return made.again(decision)
    if (this.#made.size === MOST) this.#made.clear()
    const denial = new CachedRefusal(decision, this.#write)
    this.#made.set(seconds, denial)
    return denial
  }
}

class CachedRefusal implements Refusal {
  readonly statusCode = 429
  readonly headers: Fields = {}
  readonly body: Buffer
  #decision: Decision

  constructor(decision: Decision, write: FieldWriter) {
    this.#decision = decision
    write(this.headers, decision)
    writeDenialFields(this.headers, decision)
    this.body = Buffer.from(problemOf(this.error()))
  }

  error(): RateLimitExceededError {
    return new RateLimitExceededError(this.#decision, this.headers)
  }

  /** Whether a decision that was made at another time is answered in the same words. */
  fits(decision: Decision): boolean {
    return isToldAlike(this.#decision, decision)
  }

  /** The same answer, which for an error handler knows the decision to the millisecond. */
  again(decision: Decision): this {
    this.#decision = decision
    return this
  }
}

function isToldAlike(one: Decision, other: Decision): boolean {
  const parts = one.each ?? NONE
  const others = other.each ?? NONE
  return (
    one.allowed === other.allowed &&
    one.reason === other.reason &&
    one.policy === other.policy &&
    one.limit === other.limit &&
    one.remaining === other.remaining &&
    wholeSeconds(one.moreAfter) === wholeSeconds(other.moreAfter) &&
    wholeSeconds(one.resetAfter) === wholeSeconds(other.resetAfter) &&
    parts.length === others.length &&
    parts.every((part, index) => isToldAlike(part, others[index] as Decision))
  )
}
