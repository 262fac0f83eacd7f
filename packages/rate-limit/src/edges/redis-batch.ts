/**
 * The questions of one turn of the event loop, as one call of the script.
 */
import type { Question } from './redis-question.ts'
import { Reply } from './redis-reply.ts'

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
      if (!question.isLike(alike[0])) continue
      alike.push(question)
      return
    }
    this.#alike.push([question])
  }

  /** The accounts, in the order in which the script is told of them. */
  names(prefix: string): string[] {
    const names: string[] = []
    for (const alike of this.#alike) {
      for (const { policies, tag, account } of alike) {
        policies.addKeys(names, prefix, tag, account.limit, account.keys)
      }
    }
    return names
  }

  /** What the script is told. */
  args(): string[] {
    return this.#alike.map((alike) => {
      const [{ action, account, text }] = alike
      return `${action} ${alike.length} ${account.countDenied ? 1 : 0} ${text}`
    })
  }

  /** Answers everybody; where that is no answer to their questions, fails them. */
  answer(numbers: unknown): void {
    try {
      const reply = new Reply(numbers)
      for (const alike of this.#alike) {
        for (const question of alike) question.answer(reply)
      }
    } catch (error) {
      this.fail(error)
    }
  }

  fail(error: unknown): void {
    for (const alike of this.#alike) {
      for (const question of alike) question.fail(error)
    }
  }
}
