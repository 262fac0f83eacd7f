/**
 * Counts in Redis or Valkey, for all processes that use the same one.
 */
import {
  checkOptions,
  describe,
  InvalidOptionError,
  type OptionCheck,
  type OptionShape
} from '@holdfast/core/options'
import type { Decision } from '../../decision.ts'
import { StoreRefusedError } from '../../errors.ts'
import type { PerPolicy } from '../../per-policy.ts'
import type { Policies } from '../../policy.ts'
import type { RedisClient, ScriptClient } from '../../redis-client.ts'
import type { Charge, LimitSubject, Store, StoreReservation } from '../../store.ts'
import { hashTagOf } from './account-names.ts'
import { Batch } from './batch.ts'
import { isUnconnected, isUnheard, ReadySignal, scriptClientOf } from './clients.ts'
import { slotOf } from './cluster-slot.ts'
import { RedisPolicies } from './policies.ts'
import {
  ChangeQuestion,
  DecisionQuestion,
  type Question,
  type RedisReservation,
  ReservationQuestion
} from './question.ts'
import { SCRIPT, SCRIPT_SHA } from './script.ts'

export type {
  IoredisClient,
  NodeRedisClient,
  RedisClient,
  ScriptClient
} from '../../redis-client.ts'

/** What a {@link RedisStore} is made of. */
export interface RedisStoreOptions {
  /** A client of yours. It is used as it is, never connected, configured or closed. */
  readonly client: RedisClient
  /**
   * What all keys begin with: services that share a Redis need different ones. No braces.
   *
   * @default 'holdfast:'
   */
  readonly prefix?: string
}

/** What Redis says to a client that lacks a right, by version. */
const REFUSED = /^(NOPERM|NOAUTH|WRONGPASS)|unknown command|can't (run|access)/

const prefix: OptionCheck = (value, option) => {
  if (typeof value !== 'string' || /[{}]/.test(value)) {
    throw new InvalidOptionError(option, 'text without braces', describe(value))
  }
}

// Which clients can be used is for the adapters to say.
const SHAPE: OptionShape = { client: () => {}, prefix }

const UNHEARD =
  "the Redis client has no listener for 'error'. Without one node-redis ends the process when the connection is lost, and ioredis prints each attempt. Add client.on('error', ...)."

const UNCONNECTED =
  'the Redis client is not connected, and nothing connects it here. Call "await client.connect()" before the app is ready.'

/** The slot of everything in a Redis that is no Cluster. */
const NO_SLOT = -1
/** In a millisecond. */
const MICROSECONDS = 1000

/**
 * Counts in Redis 5 or later, or Valkey; of one server, behind Sentinels, or of a Cluster.
 *
 * What is asked in one tick of the event loop goes out as one script call (in a Cluster one for each
 * slot), which decides by the clock of the server.
 */
export class RedisStore implements Store {
  readonly #given: RedisClient
  readonly #client: ScriptClient
  readonly #prefix: string
  readonly #policies = new WeakMap<Policies, RedisPolicies>()
  /** The questions to be sent, by slot; without a Cluster all in one. */
  #batches = new Map<number, Batch>()
  #isScheduled = false
  readonly #listeners = new Set<(message: string) => void>()
  #hasWarned = false

  /** @throws UnknownOptionError, InvalidOptionError */
  constructor(options: RedisStoreOptions) {
    checkOptions('RedisStore', options, SHAPE)
    const { client, prefix = 'holdfast:' } = options
    this.#given = client
    this.#client = scriptClientOf(client, 'RedisStore.client')
    this.#prefix = prefix
  }

  get isReady(): boolean {
    return this.#client.isReady !== false
  }

  check(charge: Charge): Promise<Decision> {
    return new Promise((resolve, reject) => {
      const policies = this.#known(charge.policies)
      this.#enqueue(new DecisionQuestion('check', charge, policies, resolve, reject))
    })
  }

  peek(charge: Charge): Promise<Decision> {
    return new Promise((resolve, reject) => {
      const policies = this.#known(charge.policies)
      this.#enqueue(new DecisionQuestion('peek', charge, policies, resolve, reject))
    })
  }

  async reserve(charge: Charge): Promise<StoreReservation> {
    const policies = this.#known(charge.policies)
    const { decision, marks } = await new Promise<RedisReservation>((resolve, reject) => {
      this.#enqueue(new ReservationQuestion(charge, policies, resolve, reject))
    })
    let isOpen = decision.allowed
    const settle = async (actual: PerPolicy<number>): Promise<void> => {
      if (!isOpen) return
      isOpen = false
      await this.#change('settle', charge, policies.settledText(charge.costs, actual, marks))
    }
    return { decision, settle }
  }

  reset(subject: LimitSubject): Promise<void> {
    return this.#change('reset', subject, this.#known(subject.policies).textOf(0))
  }

  ban(subject: LimitSubject, duration: number): Promise<void> {
    const text = this.#known(subject.policies).textOf(Math.ceil(duration * MICROSECONDS))
    return this.#change('ban', subject, text)
  }

  get advice(): string | undefined {
    const sentences = [
      isUnconnected(this.#given) ? UNCONNECTED : '',
      isUnheard(this.#given) ? UNHEARD : ''
    ]
    return sentences.filter(Boolean).join(' Also, ') || undefined
  }

  /** Asks whether the client may do all that the script does, on keys of this prefix. */
  async open(): Promise<void> {
    const key = `${this.#prefix}f{boot}`
    const [keys, args] = [
      [key, key],
      ['check 1 0 f 1 1000 1000 1', 'reset 1 0 f 1 1000 1000 0']
    ]
    try {
      await this.#client.eval(SCRIPT, keys, args)
      await this.#client.evalsha(SCRIPT_SHA, keys, args)
    } catch (error) {
      const { message } = error as Error
      if (REFUSED.test(message)) throw new StoreRefusedError(message)
    }
  }

  onReady(listener: () => void): () => void {
    return ReadySignal.of(this.#given).listen(listener)
  }

  onWarning(listener: (message: string) => void): () => void {
    // A function of its own: nobody ends what somebody else began.
    const own = (message: string): void => listener(message)
    this.#listeners.add(own)
    return () => this.#listeners.delete(own)
  }

  partOf({ limit, keys }: LimitSubject): string {
    return this.#client.nodeOf?.(slotOf(hashTagOf(limit, keys))) ?? ''
  }

  #change(action: 'settle' | 'reset' | 'ban', subject: LimitSubject, text: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const policies = this.#known(subject.policies)
      this.#enqueue(new ChangeQuestion(action, subject, policies, text, resolve, reject))
    })
  }

  #known(policies: Policies): RedisPolicies {
    let known = this.#policies.get(policies)
    if (known === undefined) {
      known = new RedisPolicies(policies)
      this.#policies.set(policies, known)
    }
    return known
  }

  #enqueue(question: Question): void {
    const slot = this.#client.nodeOf === undefined ? NO_SLOT : slotOf(question.tag)
    let batch = this.#batches.get(slot)
    if (batch !== undefined && !batch.hasRoomFor(question)) {
      this.#send(batch)
      batch = undefined
    }
    if (batch === undefined) {
      batch = new Batch()
      this.#batches.set(slot, batch)
    }
    batch.add(question)
    if (this.#isScheduled) return
    this.#isScheduled = true
    // After all that this tick has read from its sockets.
    setImmediate(this.#sendAll)
  }

  readonly #sendAll = (): void => {
    const batches = this.#batches
    this.#batches = new Map()
    this.#isScheduled = false
    for (const batch of batches.values()) this.#send(batch)
  }

  #send(batch: Batch): void {
    try {
      this.#run(batch.names(this.#prefix), batch.args(), batch)
    } catch (error) {
      batch.fail(error)
    }
  }

  #warnOf(unreadable: string): void {
    if (this.#hasWarned) return
    this.#hasWarned = true
    const message = `what Redis holds as "${unreadable}" cannot be read. The client begins again with its whole limit. Perhaps another program, or an earlier version, writes to keys that begin with "${this.#prefix}": give this service a prefix of its own. This is logged once.`
    for (const listener of this.#listeners) listener(message)
  }

  /** Redis forgets scripts when it restarts, fails over or is told to: then it is given ours again. */
  #run(keys: string[], args: string[], batch: Batch): void {
    const answer = (reply: unknown): void => {
      const unreadable = batch.answer(reply)
      if (unreadable !== undefined) this.#warnOf(unreadable)
    }
    const again = (error: unknown): Promise<void> => {
      if (!isForgotten(error)) throw error
      return this.#client.eval(SCRIPT, keys, args).then(answer)
    }
    this.#client
      .evalsha(SCRIPT_SHA, keys, args)
      .then(answer, again)
      .catch((error) => batch.fail(error))
  }
}

function isForgotten(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT')
}
