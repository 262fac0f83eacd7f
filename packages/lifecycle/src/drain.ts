/**
 * The shutdown of a service: serve on while clients leave, stop listening, let requests finish, run
 * the app's own steps, close. It runs once, and it ends whatever hangs. Time passes through a {@link Pause} only.
 */
import type { Clock } from '@holdfast/core'
import { attempt, type Pause } from './attempt.ts'
import { messageOf } from './error-text.ts'
import type { Phases } from './phases.ts'
import type { ShutdownBudget } from './shutdown-budget.ts'
import type { Steps } from './steps.ts'

/** What is drained. */
export interface Drainable {
  /** Requests answered since {@link askToLeave}. */
  readonly finished: number
  /** Resolves when the app closes, whoever closes it: then nobody is served any more. */
  readonly closing: Promise<void>
  /** Asks clients to leave, with every answer from now on. */
  askToLeave(): void
  /** Takes no more connections. */
  stopListening(): void
  /** Closes the connections on which nothing is in flight. */
  closeIdle(): void
  /** Tells the WebSocket clients that there are to go. */
  tellWebSockets(): void
  /** Resolves when no request is in flight and no task under way. */
  whenIdle(): Promise<void>
  /** Aborts the app's signal, and tells WebSocket clients to go that have come since. */
  abort(): void
  /** Resolves when the WebSocket clients who were told to go have gone. */
  whenWebSocketsClosed(): Promise<void>
  /** Resolves when no task is under way. */
  whenTasksDone(): Promise<void>
  /** Gives up the tasks under way, and returns their names. */
  giveUpTasks(): readonly string[]
  /** Destroys the requests in flight, and gives up the tasks. There may be none. */
  cut(): Cut
  /** Destroys every connection that is left. */
  disconnect(): void
  /** Resolves when the connections that are left have closed. */
  whenDisconnected(): Promise<void>
}

/** A `preClose` hook of the app. */
export interface PreCloseHook {
  readonly name: string
  run(): Promise<void>
}

/** What was under way at the deadline. */
export interface Cut {
  /** How many requests were destroyed. */
  readonly requests: number
  /** The names of the tasks that were given up. */
  readonly tasks: readonly string[]
}

/** What one shutdown does. */
export interface ShutdownPlan {
  readonly reason: string
  readonly budget: ShutdownBudget
  /** Takes the `preClose` hooks from the app, which does not call them any more. */
  preCloseHooks(): readonly PreCloseHook[]
  /** The longest that one `preClose` hook may take, in milliseconds. */
  readonly hookTimeout: number
  /** Closes the app. */
  close(): Promise<unknown>
  /** Whether the close may take any time: the caller of `app.close()` waits for nothing else. */
  readonly unlimitedClose: boolean
  /** What went wrong before the shutdown began. */
  readonly problem?: string | undefined
}

/** The result of a shutdown. */
export interface Report {
  /** The signal, `'uncaughtException'`, `'unhandledRejection'`, or what `shutdown()` was given. */
  readonly reason: string
  /** From the beginning of the shutdown to its end, in whole milliseconds. */
  readonly duration: number
  /** Requests answered meanwhile. */
  readonly finished: number
  /** Requests destroyed at the deadline. */
  readonly cut: number
  /** What else went wrong, a sentence each. */
  readonly problems: readonly string[]
  /** Whether every request was answered and everything closed: what exit code 0 stands for. */
  readonly clean: boolean
}

/**
 * How long connections opened last may take to send a request before they are closed, and those
 * destroyed last to tell that they are.
 */
const LINGER = 50
/** The part of `finishTimeout` after which what is in flight is told that its time is nearly up. */
const SOFT_DEADLINE = 0.75
/**
 * The part of the time to close that WebSocket clients have to say goodbye, and tasks that are begun
 * so late to end.
 */
const GOODBYE_SHARE = 0.25
const NOTHING_CUT: Cut = { requests: 0, tasks: [] }

/** One service's only shutdown. */
export class Drain {
  readonly #phases: Phases
  readonly #service: Drainable
  readonly #steps: Steps
  readonly #pause: Pause
  readonly #clock: Clock
  #report: Promise<Report> | undefined
  #hooksDone!: () => void
  /** Resolves when the `preClose` hooks of the app have ended, or run out of time. */
  readonly hooksEnded: Promise<void> = new Promise((resolve) => {
    this.#hooksDone = resolve
  })
  #stepsDone!: () => void
  /** Resolves when requests have ended and the steps have run: what is left is to close. */
  readonly readyToClose: Promise<void> = new Promise((resolve) => {
    this.#stepsDone = resolve
  })

  /** Whether it was begun. */
  get begun(): boolean {
    return this.#report !== undefined
  }

  constructor(phases: Phases, service: Drainable, steps: Steps, pause: Pause, clock: Clock) {
    this.#phases = phases
    this.#service = service
    this.#steps = steps
    this.#pause = pause
    this.#clock = clock
  }

  /** Runs the shutdown, or joins the one that runs or ran. */
  run(plan: ShutdownPlan): Promise<Report> {
    this.#report ??= this.#run(plan)
    return this.#report
  }

  async #run(plan: ShutdownPlan): Promise<Report> {
    const { reason, budget, unlimitedClose, problem } = plan
    const startedAt = this.#clock()
    this.#phases.enter('draining')
    this.#service.askToLeave()
    const { closing } = this.#service
    await this.#pause(budget.drainDelay, closing)

    this.#phases.enter('stopping')
    this.#service.stopListening()
    this.#service.tellWebSockets()
    const goodbye = this.#runHooks(plan)
    await this.#pause(LINGER, closing)
    this.#service.closeIdle()
    const cut = await this.#finish(budget.finishTimeout, goodbye)

    const finishedAt = this.#clock()
    const left = (): number => Math.max(0, budget.closeTimeout - (this.#clock() - finishedAt))
    // A WebSocket handler that says goodbye may leave tasks behind, and so may a step.
    const webSocketsClosed = this.#service
      .whenWebSocketsClosed()
      .then(() => this.#service.whenTasksDone())
    await this.#pause(left() * GOODBYE_SHARE, webSocketsClosed)
    const failures = await this.#steps.run(left(), this.#pause, this.#clock)
    await this.#pause(left() * GOODBYE_SHARE, this.#service.whenTasksDone())
    this.#stepsDone()
    const failure = await this.#close(plan.close(), left(), unlimitedClose)
    // An app is closed a moment before the last sockets tell that they are: before a request that
    // was cut has settled, and the log has its line.
    await this.#pause(LINGER, this.#service.whenDisconnected())
    await this.#pause(left(), this.#service.whenTasksDone())
    const undone = [...cut.tasks, ...this.#service.giveUpTasks()].map(
      (name) => `"${name}" was not done and is given up`
    )
    const problems = [problem, ...(await goodbye), ...undone, ...failures, failure].filter(
      (text) => text !== undefined
    )
    if (failure === undefined) this.#phases.enter('closed')
    return {
      reason,
      duration: Math.round(this.#clock() - startedAt),
      finished: this.#service.finished,
      cut: cut.requests,
      problems,
      clean: cut.requests === 0 && problems.length === 0
    }
  }

  /**
   * Calls the `preClose` hooks one after the other, as Fastify would, but together within
   * `finishTimeout`. One whose time is over before it begins is called all the same. Returns what
   * went wrong, a sentence each.
   */
  async #runHooks(plan: ShutdownPlan): Promise<string[]> {
    const end = this.#clock() + plan.budget.finishTimeout
    const problems: string[] = []
    for (const { name, run } of plan.preCloseHooks()) {
      const limit = Math.max(0, Math.min(plan.hookTimeout, end - this.#clock()))
      const problem = await attempt(`the preClose hook ${name}`, run, limit, this.#pause)
      if (problem !== undefined) problems.push(problem)
    }
    this.#hooksDone()
    return problems
  }

  async #finish(timeout: number, goodbye: Promise<unknown>): Promise<Cut> {
    const idle = Promise.all([this.#service.whenIdle(), goodbye])
    const idleInTime = await this.#pause(timeout * SOFT_DEADLINE, idle)
    this.#service.abort()
    if (idleInTime) return NOTHING_CUT
    if (await this.#pause(timeout * (1 - SOFT_DEADLINE), idle)) return NOTHING_CUT
    return this.#service.cut()
  }

  /** Returns what went wrong. */
  async #close(
    closing: Promise<unknown>,
    timeout: number,
    unlimited: boolean
  ): Promise<string | undefined> {
    let failure: string | undefined
    const closed = closing.catch((error: unknown) => {
      failure = `app.close() failed: ${messageOf(error)}`
    })
    // Half of the time is for what Fastify itself waits for, and for preClose hooks that it still calls.
    if (await this.#pause(timeout / 2, closed)) return failure
    this.#service.disconnect()
    if (unlimited) await closed
    else if (!(await this.#pause(timeout / 2, closed))) {
      return `app.close() was not done within ${Math.round(timeout)} ms, what closeTimeout left for it`
    }
    return failure
  }
}
