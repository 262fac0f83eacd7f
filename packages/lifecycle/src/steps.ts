/**
 * The app's own steps of a shutdown, between the last answer and `app.close()`: flush a queue, leave
 * a cluster, close a pool. They run one after the other. One that fails or hangs is named, and the
 * next one runs.
 */
import type { Clock } from '@holdfast/core'
import { attempt, type Pause } from './attempt.ts'

/** What a step is given. */
export interface StepCall {
  /** Aborts when the time of the step is over. */
  readonly signal: AbortSignal
}

/** A step of the shutdown. A promise that it returns is waited for. */
export type StepFunction = (call: StepCall) => unknown

/** A step with what was said of it. */
export interface Step {
  readonly name: string
  readonly run: StepFunction
  /** The steps that come before it. */
  readonly after: readonly string[]
  /** The longest it may take, in milliseconds; `undefined`: an equal share of what is left. */
  readonly timeout: number | undefined
}

/** The steps, in the order they were added, but each after those named in its `after`. */
export class Steps {
  readonly #steps: Step[] = []
  readonly #begun = new Set<Step>()
  #over = false
  /** Whether all names that `after` may give are known: from the end of the boot. */
  complete = false

  get count(): number {
    return this.#steps.length
  }

  /** The names, in the order they were added. */
  get names(): string[] {
    return this.#steps.map(({ name }) => name)
  }

  /** Whether the steps have run: one added now never would. */
  get over(): boolean {
    return this.#over
  }

  add(step: Step): void {
    this.#steps.push(step)
  }

  /** The sum of the times that were given, in milliseconds. */
  get demanded(): number {
    return this.#steps.reduce((sum, { timeout = 0 }) => sum + timeout, 0)
  }

  /** A step that comes after one that does not exist, and the name of that one. */
  missing(): { step: string; after: string } | undefined {
    const names = new Set(this.names)
    for (const { name, after } of this.#steps) {
      const missing = after.find((other) => !names.has(other))
      if (missing !== undefined) return { step: name, after: missing }
    }
    return undefined
  }

  /** The names of steps that wait for each other; empty when there are none. */
  circle(): string[] {
    const left = new Set(this.#steps)
    for (;;) {
      const free = [...left].filter((step) => isFree(step, left))
      if (free.length === 0) return [...left].map(({ name }) => name)
      for (const step of free) left.delete(step)
    }
  }

  /**
   * Runs every step that has not run, also those that are added meanwhile. Together they take no
   * longer than `timeout` milliseconds. A step without a time of its own gets an equal share of what
   * is left, with one share kept for what comes after the steps. A step whose time is over before
   * it begins is begun all the same. Returns what went wrong, a sentence each.
   */
  async run(timeout: number, pause: Pause, clock: Clock): Promise<string[]> {
    const end = clock() + timeout
    const problems: string[] = []
    for (;;) {
      const waiting = new Set(this.#steps.filter((step) => !this.#begun.has(step)))
      const [first] = waiting
      if (first === undefined) {
        this.#over = true
        return problems
      }
      // In a circle, which the boot refuses, somebody has to begin.
      const step = [...waiting].find((candidate) => isFree(candidate, waiting)) ?? first
      this.#begun.add(step)
      const left = Math.max(0, end - clock())
      const limit = Math.min(left, step.timeout ?? left / (waiting.size + 1))
      const problem = await attempt(`the step "${step.name}"`, step.run, limit, pause)
      if (problem !== undefined) problems.push(problem)
    }
  }
}

function isFree({ after }: Step, waiting: ReadonlySet<Step>): boolean {
  return ![...waiting].some(({ name }) => after.includes(name))
}
