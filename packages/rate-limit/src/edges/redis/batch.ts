/**
 * The questions of one tick of the event loop, as one call of the script.
 */
import { Reply } from './policies.ts'
import type { Question } from './question.ts'
import { MAX_KEYS } from './script.ts'

/** Questions that are alike: the script is told once what to do. */
type Alike = [Question, ...Question[]]

/** Questions that travel together. */
export class Batch {
  /** The accounts that they are about. */
  #size = 0
  #hasReset = false
  readonly #alike: Alike[] = []

  /**
   * Whether one more may travel along. What comes after a reset is decided at another moment: what
   * began with it must not be taken for what was before.
   */
  hasRoomFor({ policies }: Question): boolean {
    return !this.#hasReset && this.#size + policies.length <= MAX_KEYS
  }

  add(question: Question): void {
    this.#size += question.policies.length
    if (question.action === 'reset') this.#hasReset = true
    const alike = this.#alikeTo(question)
    if (alike === undefined) this.#alike.push([question])
    else alike.push(question)
  }

  /** The questions that one may join. What changes an account keeps its place among the others. */
  #alikeTo(question: Question): Alike | undefined {
    for (let index = this.#alike.length - 1; index >= 0; index--) {
      const alike = this.#alike[index] as Alike
      if (question.isLike(alike[0])) return alike
      if (question.isChange || alike[0].isChange) return undefined
    }
    return undefined
  }

  /** The accounts, in the order in which the script is told of them. */
  names(prefix: string): string[] {
    const names: string[] = []
    for (const alike of this.#alike) {
      for (const { policies, tag, subject } of alike) {
        policies.names.add(names, prefix, tag, subject.limit, subject.keys)
      }
    }
    return names
  }

  /** What the script is told. */
  args(): string[] {
    return this.#alike.map((alike) => {
      const [{ action, subject, text }] = alike
      return `${action} ${alike.length} ${subject.countDenied ? 1 : 0} ${text}`
    })
  }

  /**
   * Answers all questions; where the reply is no answer to them, fails them.
   *
   * @returns a key that Redis could not read, where there was one
   */
  answer(numbers: unknown): string | undefined {
    try {
      const reply = new Reply(numbers)
      for (const alike of this.#alike) {
        for (const question of alike) question.answer(reply)
      }
      return reply.unreadable
    } catch (error) {
      this.fail(error)
      return undefined
    }
  }

  fail(error: unknown): void {
    for (const alike of this.#alike) {
      for (const question of alike) question.fail(error)
    }
  }
}
