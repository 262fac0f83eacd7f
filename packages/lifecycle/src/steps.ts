/**
 * The app's own steps of a shutdown, between the last answer and `app.close()`: flush a queue, leave
 * a cluster, close a pool. They run one after the other. One that fails or hangs is named, and the
 * next one runs.
 */
import type { Clock } from '@holdfast/core'
import { describe } from '@holdfast/core/options'

/**
 * Waits for so many milliseconds, or until `until` resolves. Resolves to whether `until` came
 * first.
 */
export type Pause = (milliseconds: number, until: Promise<unknown>) => Promise<boolean>

/** A step of a shutdown. */
export interface Step {
  readonly name: string
  /** @param signal aborts when the time of the step is over */
  readonly run: (signal: AbortSignal) => unknown
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
      const problem = await runStep(step, limit, pause)
      if (problem !== undefined) problems.push(problem)
    }
  }
}

function isFree({ after }: Step, waiting: ReadonlySet<Step>): boolean {
  return ![...waiting].some(({ name }) => after.includes(name))
}

/** Returns what went wrong. */
async function runStep(
  { name, run }: Step,
  limit: number,
  pause: Pause
): Promise<string | undefined> {
  const abort = new AbortController()
  let failure: string | undefined
  // In a function of its own: what is thrown at once is a failure like any other.
  const work = async (): Promise<unknown> => run(abort.signal)
  const done = work().catch((error: unknown) => {
    failure = `the step "${name}" failed: ${error instanceof Error ? error.message : describe(error)}`
  })
  if (await pause(limit, done)) return failure
  abort.abort()
  return `the step "${name}" was not done within ${Math.round(limit)} ms`
}
