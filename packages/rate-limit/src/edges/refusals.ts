/**
 * The answers to denied requests, made once and sent often: they differ by seconds only, so there are
 * few of them, however many requests are denied.
 */
import { problemOf, type Refusal } from '@holdfast/core'
import { wholeSeconds } from '../algorithms/nanoseconds.ts'
import type { Decision } from '../decision.ts'
import { RateLimitExceededError } from '../errors.ts'
import { type Fields, type FieldWriter, retrySeconds, writeDenialFields } from '../headers.ts'

/** The most answers to keep under one limit, by their `Retry-After`; beyond it all are made again. */
const MAX_CACHED_REFUSALS = 100

const NONE: readonly Decision[] = []

/** The answers under one limit. */
export class CachedRefusals {
  readonly #writeFields: FieldWriter
  /** By their `Retry-After` in seconds; `Infinity` for those without. */
  readonly #cached = new Map<number, CachedRefusal>()

  /** @param writeFields tells a client its limit */
  constructor(writeFields: FieldWriter) {
    this.#writeFields = writeFields
  }

  /** The answer to a request about which this was decided. */
  of(decision: Decision): Refusal {
    const seconds = retrySeconds(decision) ?? Infinity
    const cached = this.#cached.get(seconds)
    if (cached?.fits(decision) === true) return cached.with(decision)
    if (this.#cached.size === MAX_CACHED_REFUSALS) this.#cached.clear()
    const refusal = new CachedRefusal(decision, this.#writeFields)
    this.#cached.set(seconds, refusal)
    return refusal
  }
}

class CachedRefusal implements Refusal {
  readonly statusCode = 429
  readonly headers: Fields = {}
  readonly body: string
  #decision: Decision

  constructor(decision: Decision, writeFields: FieldWriter) {
    this.#decision = decision
    writeFields(this.headers, decision)
    writeDenialFields(this.headers, decision)
    this.body = problemOf(this.error())
  }

  error(): RateLimitExceededError {
    return new RateLimitExceededError(this.#decision, this.headers)
  }

  /** Whether a decision that was made at another time has the same answer. */
  fits(decision: Decision): boolean {
    return isToldAlike(this.#decision, decision)
  }

  /** The same answer, with the decision that a user's error handler is given, exact to the millisecond. */
  with(decision: Decision): this {
    this.#decision = decision
    return this
  }
}

/** Whether two decisions are the same to a client, who is told whole seconds. */
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
