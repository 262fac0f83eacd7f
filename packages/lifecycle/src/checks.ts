/**
 * Checks of what a service depends on: asked when somebody wants to know, remembered for a while,
 * and never waited for longer than agreed. Time passes through a clock and a {@link Timer} only.
 */
import type { Clock } from '@holdfast/core'
import { describe } from '@holdfast/core/options'
import { reasonOf } from './error-text.ts'
import { CheckExistsError } from './errors.ts'
import { discardBody } from './response-body.ts'

/** What a check is handed. */
export interface CheckCall {
  /** Aborts when the check's time is up, or the service begins to stop. */
  readonly signal: AbortSignal
}

/**
 * Looks whether a dependency is healthy. It says no when it throws, or returns an `Error`, an object
 * whose `ok` is `false` (a `Response` of fetch), or anything falsy except `undefined`. Any other
 * result means yes, `undefined` included.
 */
export type CheckFunction = (call: CheckCall) => unknown

/** What is known of one check. `unknown`: it was never asked. */
export type CheckState = 'unknown' | 'ok' | 'failed'

/** How a check is treated, times in milliseconds. */
export interface CheckSettings {
  /** An answer that takes longer is a failure. */
  readonly timeout: number
  /** How long an answer is kept, be it yes or no. */
  readonly cacheFor: number
  /** Whether the service is not ready when the check fails. */
  readonly critical: boolean
}

/** A check has changed its state. */
export interface CheckChange {
  readonly name: string
  readonly critical: boolean
  readonly state: 'ok' | 'failed'
  readonly previous: CheckState
  /** Milliseconds spent in the previous state. */
  readonly lasted: number
  /** Why it failed. It may name hosts and users: for the log, not for clients. */
  readonly reason: string | undefined
}

/** What is known of one check, without the reasons. */
export interface CheckResult {
  /** Its name. */
  readonly name: string
  /** Its last answer. */
  readonly state: CheckState
  /** Whether the service is not ready when it fails. */
  readonly critical: boolean
  /** Whole milliseconds since it was answered; `undefined` when it never was. */
  readonly age: number | undefined
  /** Whole milliseconds that the answer took; `undefined` when there was none. */
  readonly took: number | undefined
}

/**
 * - `ok`: no check has failed
 * - `degraded`: one has, but none that is critical
 * - `failed`: a critical one has
 */
export type HealthStatus = 'ok' | 'degraded' | 'failed'

/** What is known of all checks. */
export interface Health {
  readonly status: HealthStatus
  readonly checks: readonly CheckResult[]
}

/** Calls `expire` after so many milliseconds, unless the returned function is called before. */
export type Timer = (milliseconds: number, expire: () => void) => () => void

/** How many calls of one check may outlive their timeout and ignore their signal. */
const MAX_ABANDONED_CALLS = 10
/** How long the next call waits when so many have, in milliseconds. */
const PAUSE_AFTER_ABANDONED_CALLS = 60_000
const MAX_REASON_LENGTH = 300

/** What a check needs from outside. */
interface Environment {
  readonly clock: Clock
  readonly timer: Timer
  readonly onChange: (change: CheckChange) => void
}

/** All checks of a service. */
export class Checks {
  readonly #environment: Environment
  readonly #checks = new Map<string, Check>()
  #closed = false

  constructor(clock: Clock, timer: Timer, onChange: (change: CheckChange) => void) {
    this.#environment = { clock, timer, onChange }
  }

  /** @throws CheckExistsError when there is one of that name */
  add(name: string, ask: CheckFunction, settings: CheckSettings): void {
    if (this.#checks.has(name)) throw new CheckExistsError(name)
    const check = new Check(name, ask, settings, this.#environment)
    if (this.#closed) check.close()
    this.#checks.set(name, check)
  }

  /**
   * Asks what is not known or no longer good, everything at once. Resolves when the last has
   * answered or run out of time; `undefined` when nothing had to be asked.
   */
  refresh(): Promise<unknown> | undefined {
    const runs: Promise<void>[] = []
    for (const check of this.#checks.values()) {
      const run = check.refresh()
      if (run !== undefined) runs.push(run)
    }
    return runs.length === 0 ? undefined : Promise.all(runs)
  }

  /** What is known now. */
  get health(): Health {
    const checks = Array.from(this.#checks.values(), (check) => check.result)
    const failed = checks.filter(({ state }) => state === 'failed')
    const critical = failed.some((check) => check.critical)
    return {
      status: critical ? 'failed' : failed.length > 0 ? 'degraded' : 'ok',
      checks
    }
  }

  /** Aborts what is being asked, waits for none of it, and asks and tells no more. */
  close(): void {
    this.#closed = true
    for (const check of this.#checks.values()) check.close()
  }
}

/** One check and what is known of it. */
class Check {
  readonly #name: string
  readonly #ask: CheckFunction
  readonly #settings: CheckSettings
  readonly #environment: Environment
  #state: CheckState = 'unknown'
  #since: number
  #answeredAt: number | undefined
  #took: number | undefined
  #run: Promise<void> | undefined
  /** Ends the wait for the call that is being made. */
  #giveUp: ((reason: string) => void) | undefined
  #abandoned = 0
  #closed = false

  constructor(name: string, ask: CheckFunction, settings: CheckSettings, environment: Environment) {
    this.#name = name
    this.#ask = ask
    this.#settings = settings
    this.#environment = environment
    this.#since = environment.clock()
  }

  get result(): CheckResult {
    const { clock } = this.#environment
    return {
      name: this.#name,
      state: this.#state,
      critical: this.#settings.critical,
      age: this.#answeredAt === undefined ? undefined : Math.round(clock() - this.#answeredAt),
      took: this.#took === undefined ? undefined : Math.round(this.#took)
    }
  }

  /** However many ask at once, the dependency is asked once. */
  refresh(): Promise<void> | undefined {
    if (this.#run !== undefined) return this.#run
    if (this.#closed || this.#isGood()) return undefined
    this.#run = this.#answer().finally(() => {
      this.#run = undefined
    })
    return this.#run
  }

  #isGood(): boolean {
    if (this.#answeredAt === undefined) return false
    const { cacheFor } = this.#settings
    const age = this.#environment.clock() - this.#answeredAt
    return (
      age <
      (this.#abandoned < MAX_ABANDONED_CALLS
        ? cacheFor
        : Math.max(cacheFor, PAUSE_AFTER_ABANDONED_CALLS))
    )
  }

  async #answer(): Promise<void> {
    const { clock, timer } = this.#environment
    const { timeout } = this.#settings
    const startedAt = clock()
    const abort = new AbortController()
    const failure = await new Promise<string | undefined>((resolve) => {
      let givenUp = false
      this.#giveUp = (reason) => {
        givenUp = true
        this.#abandoned++
        cancel()
        resolve(reason)
        abort.abort()
      }
      const cancel = timer(timeout, () => this.#giveUp?.(`no answer within ${timeout} ms`))
      void failureOf(this.#ask, abort.signal).then((answer) => {
        if (givenUp) this.#abandoned--
        cancel()
        resolve(answer)
      })
    })
    this.#giveUp = undefined
    if (!this.#closed) this.#settle(failure, startedAt)
  }

  #settle(reason: string | undefined, startedAt: number): void {
    const now = this.#environment.clock()
    this.#answeredAt = now
    this.#took = now - startedAt
    const state = reason === undefined ? 'ok' : 'failed'
    const previous = this.#state
    if (state === previous) return
    const lasted = now - this.#since
    this.#state = state
    this.#since = now
    const { critical } = this.#settings
    this.#environment.onChange({ name: this.#name, critical, state, previous, lasted, reason })
  }

  close(): void {
    this.#closed = true
    this.#giveUp?.('closed')
  }
}

/** Asks, and returns why the answer is no; `undefined` when it is yes. Never rejects. */
async function failureOf(ask: CheckFunction, signal: AbortSignal): Promise<string | undefined> {
  try {
    const answer: unknown = await ask({ signal })
    if (answer === undefined) return undefined
    if (!answer) return `it returned ${describe(answer)}`
    if (answer instanceof Error) return reasonFor(answer)
    await discardBody(Object(answer), signal)
    if (Reflect.get(Object(answer), 'ok') !== false) return undefined
    const status: unknown = Reflect.get(Object(answer), 'status')
    return `it returned an object with ok: false${typeof status === 'number' ? `, status ${status}` : ''}`
  } catch (error) {
    return reasonFor(error)
  }
}

function reasonFor(error: unknown): string {
  return reasonOf(error).slice(0, MAX_REASON_LENGTH)
}
