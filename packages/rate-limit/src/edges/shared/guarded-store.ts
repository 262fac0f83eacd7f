/**
 * A store that may die: asked for a limited time, left alone while it does not answer, and tried
 * again from time to time.
 */
import type { FastifyBaseLogger } from 'fastify'
import { storeChannel } from '../../channels.ts'
import { policyOf } from '../../policy.ts'
import { StoreGuard } from '../../sharing/store-guard.ts'
import type { Charge, LimitSubject, Store } from '../../store.ts'
import { AnswerTimeout, type Ended } from './answer-timeout.ts'

/** Milliseconds from one probe to the next. */
const PROBE_INTERVAL = 250
const PROBE = [policyOf('probe', { max: 1000, timeWindow: 1000 })] as const

/** Somebody to ask about before anybody asks. */
const ANYBODY: LimitSubject = { limit: 'probe', keys: '', policies: PROBE, countDenied: false }

/** The longest that a store holds up the boot, in milliseconds. */
const BOOT = 500

/**
 * What is written to find out whether the part that keeps an account works again: an account that
 * nobody has, which the same part keeps.
 */
function probeFor({ limit, keys }: LimitSubject): Charge {
  const client = typeof keys === 'string' ? keys : limit
  return { limit: 'probe', keys: client, policies: PROBE, costs: 1, countDenied: false }
}

/** A part of the store, which fails and comes back by itself. */
interface Part {
  readonly name: string
  readonly guard: StoreGuard
  /** An account that the part keeps. */
  account: LimitSubject
  /** The turn in which what failed last was asked: however much failed, it is one failure. */
  failedTurn: object | undefined
}

/** How a store is guarded. */
export interface GuardOptions {
  readonly store: Store
  /** Milliseconds for an answer. */
  readonly timeout: number
  readonly log: FastifyBaseLogger
  /** What becomes of requests meanwhile, as the log tells it. */
  readonly instead: string
}

/** Asks a store. Where it does not answer, `undefined` is the answer. Never rejects. */
export class GuardedStore {
  readonly #options: GuardOptions
  readonly #store: Store
  readonly #patience: AnswerTimeout
  readonly #parts = new Map<string, Part>()
  readonly #release: (() => void) | undefined
  readonly #opened: Promise<void>
  #timer: NodeJS.Timeout | undefined
  /** Ends the wait for a store that is not ready at boot. */
  #endBoot: (() => void) | undefined
  #isClosed = false

  constructor(options: GuardOptions) {
    this.#options = options
    this.#store = options.store
    this.#patience = new AnswerTimeout(options.timeout)
    this.#release = options.store.onReady?.(() => this.#probeAll())
    this.#opened = this.#open()
    // It is asked about when the app is ready, if it ever is.
    this.#opened.catch(() => {})
  }

  /** Rejects when the store can never be used. */
  async open(): Promise<void> {
    const { advice } = this.#store
    if (advice !== undefined) this.#options.log.warn(`rateLimit: ${advice}`)
    await this.#opened
  }

  /** Begins with the registration: where there are several, they wait at the same time. */
  async #open(): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    let release: (() => void) | undefined
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, BOOT)
      this.#endBoot = resolve
    })
    const ready = new Promise<void>((resolve) => {
      if (this.#isReady) resolve()
      else release = this.#store.onReady?.(resolve)
    })
    try {
      await Promise.race([ready.then(() => this.#store.open?.()), patience])
    } finally {
      clearTimeout(timer)
      release?.()
    }
    if (!this.#isReady && !this.#isClosed) this.#leave(this.#partOf(ANYBODY))
  }

  /** Asks about an account, or, while the store is left alone, says so at once. */
  ask<Answer>(
    account: LimitSubject,
    question: (store: Store) => Promise<Answer>
  ): Promise<Answer | undefined> | undefined {
    const part = this.#partOf(account)
    if (part.guard.isOpen) return undefined
    part.account = account
    if (!this.#isReady) {
      this.#leave(part)
      return undefined
    }
    return this.#timed(question, (isAnswered, turn, error) => {
      if (isAnswered) {
        part.guard.answered()
      } else if (part.failedTurn !== turn) {
        part.failedTurn = turn
        if (part.guard.failed()) this.#lost(part, reasonOf(error), error)
      }
    })
  }

  /** Lets go of everything that would keep the process alive. */
  close(): void {
    this.#isClosed = true
    clearInterval(this.#timer)
    this.#release?.()
    this.#endBoot?.()
  }

  #timed<Answer>(
    question: (store: Store) => Promise<Answer>,
    ended: Ended
  ): Promise<Answer | undefined> {
    return this.#patience.answerTo(() => question(this.#store), ended)
  }

  #partOf(account: LimitSubject): Part {
    const name = this.#nameOf(account)
    let part = this.#parts.get(name)
    if (part === undefined) {
      part = { name, guard: new StoreGuard(), account, failedTurn: undefined }
      this.#parts.set(name, part)
    }
    return part
  }

  /** A store that cannot tell its parts has one. */
  #nameOf(account: LimitSubject): string {
    try {
      return this.#store.partOf?.(account) ?? ''
    } catch {
      return ''
    }
  }

  #lost(part: Part, reason: string, err?: unknown): void {
    const { log, instead } = this.#options
    const which = part.name === '' ? 'the store' : `${part.name} of the store`
    log.warn({ err }, `rateLimit: ${which} ${reason}. Until it answers again, ${instead}.`)
    if (storeChannel.hasSubscribers) {
      storeChannel.publish({ available: false, part: part.name, reason })
    }
    if (this.#isClosed || this.#timer !== undefined) return
    this.#timer = setInterval(() => this.#probeAll(), PROBE_INTERVAL)
    this.#timer.unref()
  }

  /** What goes wrong here is told by whoever is asked next. */
  get #isReady(): boolean {
    try {
      return this.#store.isReady !== false
    } catch {
      return true
    }
  }

  #leave(part: Part): void {
    if (part.guard.trip()) this.#lost(part, 'is not connected')
  }

  #probeAll(): void {
    if (!this.#isReady) return
    for (const part of this.#parts.values()) {
      if (part.guard.probe()) this.#probe(part)
    }
  }

  #probe(part: Part): void {
    const { account, guard } = part
    const probe = (store: Store) => store.check(probeFor(account))
    void this.#timed(probe, (isAnswered) => {
      if (guard.probed(isAnswered)) this.#found(part)
    })
  }

  #found({ name }: Part): void {
    const which = name === '' ? 'the store' : `${name} of the store`
    this.#options.log.info(`rateLimit: ${which} answers again.`)
    if (storeChannel.hasSubscribers) {
      storeChannel.publish({ available: true, part: name, reason: 'answers again' })
    }
    if ([...this.#parts.values()].some(({ guard }) => guard.isOpen)) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}

function reasonOf(error: unknown): string {
  if (error === undefined) return 'does not answer in time'
  return `fails (${error instanceof Error ? error.message : String(error)})`
}
