/**
 * A store that may die: asked for a limited time, left alone while it does not answer, and tried
 * again from time to time.
 */
import { extensionOf, type GuardedLog, guardedCall, monotonicClock } from '@holdfast/core'
import { storeChannel } from '../../channels.ts'
import { policyOf } from '../../policy.ts'
import { Outages, type OutageTotals } from '../../sharing/outages.ts'
import { StoreGuard } from '../../sharing/store-guard.ts'
import type { Charge, LimitSubject, Store } from '../../store.ts'
import { AnswerTimeout, type Ended } from './answer-timeout.ts'

/** Milliseconds from one probe to the next. */
const PROBE_INTERVAL = 250
const PROBE = [policyOf('probe', { max: 1000, timeWindow: 1000 })] as const

/** Whom a part is probed with before anybody was asked about. */
const NOBODY: LimitSubject = { limit: 'probe', keys: '', policies: PROBE, countDenied: false }

/** What ends that a store calls back, in the words of a warning. */
const UNLISTEN = 'a function that onReady() or onWarning() of the store returned'

/** Milliseconds for which a store holds up the boot at most. */
const MAX_BOOT_WAIT = 500

/**
 * The charge that finds out whether the part of the store that keeps a client works again: of a limit
 * that nobody has, which the same part keeps.
 */
function probeFor({ limit, keys }: LimitSubject): Charge {
  const client = typeof keys === 'string' ? keys : limit
  return { limit: 'probe', keys: client, policies: PROBE, costs: 1, countDenied: false }
}

/** A part of the store, which fails and comes back by itself. */
interface StorePart {
  readonly name: string
  readonly guard: StoreGuard
  /** A client that the part keeps. */
  subject: LimitSubject
  /** The tick in which what failed last was asked: however much failed, it is one failure. */
  failedTick: object | undefined
}

/** How a store is guarded. */
export interface GuardOptions {
  readonly store: Store
  /** Milliseconds for which an answer is waited for. */
  readonly timeout: number
  readonly log: GuardedLog
  /** What becomes of requests while the store does not answer, in the words of the log. */
  readonly instead: string
}

/** Asks a store. The answer is `undefined` where the store gives none. Never rejects. */
export class GuardedStore {
  readonly #options: GuardOptions
  readonly #store: Store
  readonly #answers: AnswerTimeout
  readonly #parts = new Map<string, StorePart>()
  readonly #outages = new Outages(monotonicClock())
  /** What the store returned from `onReady()` and `onWarning()`. */
  readonly #unlisten: readonly ((() => void) | undefined)[]
  readonly #opened: Promise<void>
  /** Probes; `undefined` while the whole store answers. */
  #timer: NodeJS.Timeout | undefined
  /** Ends the wait for a store that is not ready at boot. */
  #endBoot: (() => void) | undefined
  #isClosed = false

  constructor(options: GuardOptions) {
    this.#options = options
    this.#store = options.store
    this.#answers = new AnswerTimeout(options.timeout)
    const { store, log } = options
    this.#unlisten = [
      store.onReady?.(() => this.#probeAll()),
      store.onWarning?.((message) => log.warn(`rateLimit: ${message}`))
    ]
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
    let unlisten: (() => void) | undefined
    const due = monotonicClock() + MAX_BOOT_WAIT
    const waited = new Promise<void>((resolve) => {
      this.#endBoot = resolve
      timer = setTimeout(() => {
        // A boot that keeps the process busy has not yet read what the store has to say.
        timer = setTimeout(resolve, extensionOf(monotonicClock() - due, MAX_BOOT_WAIT))
      }, MAX_BOOT_WAIT)
    })
    const ready = new Promise<void>((resolve) => {
      if (this.#isReady) resolve()
      else unlisten = this.#store.onReady?.(resolve)
    })
    try {
      await Promise.race([ready.then(() => this.#store.open?.()), waited])
    } finally {
      clearTimeout(timer)
      unlisten?.()
    }
    if (!this.#isReady && !this.#isClosed) this.#leaveAlone(this.#partOf(NOBODY))
  }

  /** The answer to a question about a client; at once `undefined` while the store is left alone. */
  ask<Answer>(
    subject: LimitSubject,
    question: (store: Store) => Promise<Answer>
  ): Promise<Answer | undefined> | undefined {
    const part = this.#partOf(subject)
    if (part.guard.isOpen) return undefined
    part.subject = subject
    if (!this.#isReady) {
      this.#leaveAlone(part)
      return undefined
    }
    return this.#timed(question, (isAnswered, tick, error) => {
      if (isAnswered) {
        part.guard.answered()
      } else if (part.failedTick !== tick) {
        part.failedTick = tick
        if (part.guard.failed()) this.#lost(part, reasonOf(error), error)
      }
    })
  }

  /** Whether the store answers, and how often it did not. */
  read(): OutageTotals {
    return this.#outages.read(monotonicClock())
  }

  /** Lets go of everything that would keep the process alive. */
  close(): void {
    this.#isClosed = true
    clearInterval(this.#timer)
    for (const unlisten of this.#unlisten) {
      if (unlisten !== undefined) guardedCall(unlisten, UNLISTEN)
    }
    this.#endBoot?.()
  }

  #timed<Answer>(
    question: (store: Store) => Promise<Answer>,
    ended: Ended
  ): Promise<Answer | undefined> {
    return this.#answers.answerTo(() => question(this.#store), ended)
  }

  #partOf(subject: LimitSubject): StorePart {
    const name = this.#partNameOf(subject)
    let part = this.#parts.get(name)
    if (part === undefined) {
      part = { name, guard: new StoreGuard(), subject, failedTick: undefined }
      this.#parts.set(name, part)
    }
    return part
  }

  /** A store that cannot tell its parts has one. */
  #partNameOf(subject: LimitSubject): string {
    try {
      return this.#store.partOf?.(subject) ?? ''
    } catch {
      return ''
    }
  }

  #lost({ name }: StorePart, reason: string, err?: unknown): void {
    const { log, instead } = this.#options
    log.warn({ err }, `rateLimit: ${shown(name)} ${reason}. Until it answers again, ${instead}.`)
    if (storeChannel.hasSubscribers) {
      storeChannel.publish({ available: false, part: name, reason })
    }
    this.#outages.began(monotonicClock())
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

  #leaveAlone(part: StorePart): void {
    if (part.guard.trip()) this.#lost(part, 'is not connected')
  }

  #probeAll(): void {
    if (!this.#isReady) return
    for (const part of this.#parts.values()) {
      if (part.guard.probe()) this.#probe(part)
    }
  }

  #probe(part: StorePart): void {
    const { subject, guard } = part
    const probe = (store: Store) => store.check(probeFor(subject))
    void this.#timed(probe, (isAnswered) => {
      if (guard.probed(isAnswered)) this.#found(part)
    })
  }

  #found({ name }: StorePart): void {
    this.#options.log.info(`rateLimit: ${shown(name)} answers again.`)
    if (storeChannel.hasSubscribers) {
      storeChannel.publish({ available: true, part: name, reason: 'answers again' })
    }
    if ([...this.#parts.values()].some(({ guard }) => guard.isOpen)) return
    this.#outages.ended(monotonicClock())
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}

/** How the log names a part. */
function shown(name: string): string {
  return name === '' ? 'the store' : `${name} of the store`
}

function reasonOf(error: unknown): string {
  if (error === undefined) return 'does not answer in time'
  try {
    return `fails (${error instanceof Error ? error.message : String(error)})`
  } catch {
    // A store may reject with anything, also with what cannot be made a text.
    return 'fails'
  }
}
