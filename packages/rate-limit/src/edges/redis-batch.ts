/**
 * The questions of one turn of the event loop, as one call of the script.
 */
import type { Decision } from '../decision.ts'
import { type RedisPolicies, Reply } from './redis-account.ts'

/** What the script can do with an account. */
export type Action = 'check' | 'peek' | 'refund' | 'reset'

/** One question and who waits for its answer. */
export interface Question {
  readonly action: Action
  readonly tag: string
  readonly limit: string
  readonly policies: RedisPolicies
  readonly cost: number
  readonly countDenied: boolean
  answer(decision: Decision): void
  fail(error: unknown): void
}

/** Questions that are alike, so that the script is told once what to do. */
type Alike = [Question, ...Question[]]

/** Questions that travel together. */
export class Batch {
  /** How many accounts they are about. */
  size = 0
  readonly #alike: Alike[] = []

  add(question: Question): void {
    this.size += question.policies.length
    for (const alike of this.#alike) {
      if (!isAlike(alike[0], question)) continue
      alike.push(question)
      return
    }
    this.#alike.push([question])
  }

  /** The accounts, in the order in which the script is told of them. */
  keys(prefix: string): string[] {
    const keys: string[] = []
    for (const alike of this.#alike) {
      for (const { policies, tag, limit } of alike) policies.addKeys(keys, prefix, tag, limit)
    }
    return keys
  }

  /** What the script is told. */
  args(): string[] {
    return this.#alike.map((alike) => {
      const [{ action, cost, countDenied, policies }] = alike
      return `${action} ${alike.length} ${cost} ${countDenied ? 1 : 0} ${policies.text}`
    })
  }

  /** @throws Error, before anybody was answered, when that is no answer to the questions */
  answer(numbers: unknown): void {
    const reply = new Reply(numbers, this.size)
    for (const alike of this.#alike) {
      for (const question of alike) question.answer(question.policies.read(reply, question.cost))
    }
  }

  fail(error: unknown): void {
    for (const alike of this.#alike) {
      for (const question of alike) question.fail(error)
    }
  }
}

function isAlike(one: Question, other: Question): boolean {
  return (
    one.policies.text === other.policies.text &&
    one.cost === other.cost &&
    one.action === other.action &&
    one.countDenied === other.countDenied
  )
}
