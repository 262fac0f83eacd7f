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
interface Alike {
  readonly head: string
  readonly tail: string
  readonly questions: Question[]
}

/** Questions that travel together. */
export class Batch {
  /** How many accounts they are about. */
  size = 0
  readonly #alike = new Map<string, Alike>()

  add(question: Question): void {
    const { action, cost, countDenied, policies } = question
    const tail = `${cost} ${countDenied ? 1 : 0} ${policies.text}`
    const name = `${action} ${tail}`
    let alike = this.#alike.get(name)
    if (alike === undefined) {
      alike = { head: action, tail, questions: [] }
      this.#alike.set(name, alike)
    }
    alike.questions.push(question)
    this.size += policies.length
  }

  /** The accounts, in the order in which the script is told of them. */
  keys(prefix: string): string[] {
    const keys: string[] = []
    for (const { questions } of this.#alike.values()) {
      for (const { policies, tag, limit } of questions) policies.addKeys(keys, prefix, tag, limit)
    }
    return keys
  }

  /** What the script is told. */
  args(): string[] {
    return Array.from(
      this.#alike.values(),
      ({ head, tail, questions }) => `${head} ${questions.length} ${tail}`
    )
  }

  answer(numbers: unknown): void {
    const reply = new Reply(numbers)
    for (const { questions } of this.#alike.values()) {
      for (const question of questions) {
        question.answer(question.policies.read(reply, question.cost))
      }
    }
  }

  fail(error: unknown): void {
    for (const { questions } of this.#alike.values()) {
      for (const question of questions) question.fail(error)
    }
  }
}
