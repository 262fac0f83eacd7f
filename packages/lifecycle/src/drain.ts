/**
 * The way out: serve on while clients leave, stop listening, let requests finish, close. It runs
 * once, and it ends whatever hangs. Time passes through {@link Pause} only.
 */
import type { Clock } from '@holdfast/core'
import type { Budget } from './budget.ts'
import type { Phases } from './phases.ts'

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
  sweep(): void
  /** Resolves when nothing is in flight. */
  whenIdle(): Promise<void>
  /** Tells what is still in flight that its time is nearly up. */
  abort(): void
  /** Destroys what is in flight, and returns how many requests that were. */
  cut(): number
  /** Destroys every connection that is left. */
  disconnect(): void
  /** Resolves when the connections that are left have closed. */
  whenDisconnected(): Promise<void>
}

/**
 * Waits for so many milliseconds, or until `until` resolves. Resolves to whether `until` came
 * first.
 */
export type Pause = (milliseconds: number, until: Promise<unknown>) => Promise<boolean>

/** What one shutdown does. */
export interface Order {
  readonly reason: string
  readonly budget: Budget
  /** Closes the app. */
  close(): Promise<unknown>
  /** Close in any time it takes: the caller of `app.close()` waits for it and nothing else. */
  readonly patient: boolean
  /** What went wrong before the shutdown began. */
  readonly problem?: string | undefined
}

/** What became of a shutdown. */
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

/** One service's only shutdown. */
export class Drain {
  readonly #phases: Phases
  readonly #service: Drainable
  readonly #pause: Pause
  readonly #clock: Clock
  #report: Promise<Report> | undefined

  /** Whether it was begun. */
  get begun(): boolean {
    return this.#report !== undefined
  }

  constructor(phases: Phases, service: Drainable, pause: Pause, clock: Clock) {
    this.#phases = phases
    this.#service = service
    this.#pause = pause
    this.#clock = clock
  }

  /** Runs the shutdown, or joins the one that runs or ran. */
  run(order: Order): Promise<Report> {
    this.#report ??= this.#run(order)
    return this.#report
  }

  async #run({ reason, budget, close, patient, problem }: Order): Promise<Report> {
    const startedAt = this.#clock()
    this.#phases.enter('draining')
    this.#service.askToLeave()
    const { closing } = this.#service
    await this.#pause(budget.drainDelay, closing)

    this.#phases.enter('stopping')
    this.#service.stopListening()
    await this.#pause(LINGER, closing)
    this.#service.sweep()
    const cut = await this.#finish(budget.finishTimeout)

    const failure = await this.#close(close(), budget.closeTimeout, patient)
    // An app is closed a moment before the last sockets tell that they are: before a request that
    // was cut has settled, and the log has its line.
    await this.#pause(LINGER, this.#service.whenDisconnected())
    const problems = [problem, failure].filter((text) => text !== undefined)
    if (failure === undefined) this.#phases.enter('closed')
    return {
      reason,
      duration: Math.round(this.#clock() - startedAt),
      finished: this.#service.finished,
      cut,
      problems,
      clean: cut === 0 && problems.length === 0
    }
  }

  async #finish(timeout: number): Promise<number> {
    const idle = this.#service.whenIdle()
    if (await this.#pause(timeout * SOFT_DEADLINE, idle)) return 0
    this.#service.abort()
    if (await this.#pause(timeout * (1 - SOFT_DEADLINE), idle)) return 0
    return this.#service.cut()
  }

  /** Returns what went wrong. */
  async #close(
    closing: Promise<unknown>,
    timeout: number,
    patient: boolean
  ): Promise<string | undefined> {
    let failure: string | undefined
    const closed = closing.catch((error: unknown) => {
      failure = `app.close() failed: ${error instanceof Error ? error.message : error}`
    })
    // Half of the time is for preClose hooks that take leave of their WebSockets.
    if (await this.#pause(timeout / 2, closed)) return failure
    this.#service.disconnect()
    if (patient) await closed
    else if (!(await this.#pause(timeout / 2, closed))) {
      return `app.close() was not done within closeTimeout (${timeout} ms)`
    }
    return failure
  }
}
