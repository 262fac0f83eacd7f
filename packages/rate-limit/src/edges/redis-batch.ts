/**
 * The questions of one turn of the event loop, as one call of the script.
 */
import type { Each } from '../each.ts'
import type { RedisPolicies } from './redis-account.ts'
import { Reply } from './redis-reply.ts'

/** What the script can do with an account. */
export type Action = 'check' | 'peek' | 'reserve' | 'settle' | 'reset' | 'ban'

/** One question and who waits for its answer. */
export interface Question {
  readonly action: Action
  readonly tag: string
  readonly limit: string
  readonly keys: Each<string>
  readonly policies: RedisPolicies
  readonly countDenied: boolean
  /** What the script is told of the policies and the costs. */
  readonly text: string
  /** Reads the answer, which is the reply's next. */
  answer(reply: Reply): void
  fail(error: unknown): void
}

/** Questions that are alike, so that the script is told once what to do. */
type Alike = [Question, ...Question[]]

/** Questions that travel together. */
export class Batch {
  /** How many accounts they are about. */
  size = 0
  #questions = 0
  readonly #alike: Alike[] = []

  add(question: Question): void {
    this.size += question.policies.length
    this.#questions++
    for (const alike of this.#alike) {
      if (!isAlike(alike[0], question)) continue
      alike.push(question)
      return
    }
    this.#alike.push([question])
  }

  /** The accounts, in the order in which the script is told of them. */
  names(prefix: string): string[] {
    const names: string[] = []
    for (const alike of this.#alike) {
      for (const { policies, tag, limit, keys } of alike) {
        policies.addKeys(names, prefix, tag, limit, keys)
      }
    }
    return names
  }

  /** What the script is told. */
  args(): string[] {
    return this.#alike.map((alike) => {
      const [{ action, countDenied, text }] = alike
      return `${action} ${alike.length} ${countDenied ? 1 : 0} ${text}`
    })
  }

  /** @throws Error, before anybody was answered, when that is no answer to the questions */
  answer(numbers: unknown): void {
    const reply = new Reply(numbers, this.#questions)
    for (const alike of this.#alike) {
      for (const question of alike) question.answer(reply)
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
    one.text === other.text && one.action === other.action && one.countDenied === other.countDenied
  )
}
