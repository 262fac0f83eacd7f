/**
 * Counts in Redis or Valkey, for all processes that use the same one.
 */
import { describe, InvalidOptionError } from '@holdfast/core'
import type { Decision } from '../decision.ts'
import type { Each } from '../each.ts'
import { StoreRefusedError } from '../errors.ts'
import type { Policies } from '../policy.ts'
import type { Charge, Store, StoreAccount, StoreReservation } from '../store.ts'
import { hashTagOf, type RedisClaim, RedisPolicies } from './redis-account.ts'
import { type Action, Batch, type Question } from './redis-batch.ts'
import { type RedisClient, type ScriptClient, scriptClientOf } from './redis-clients.ts'
import type { Reply } from './redis-reply.ts'
import { MOST_KEYS, SCRIPT, SCRIPT_SHA } from './redis-script.ts'
import { slotOf } from './redis-slot.ts'

export type { IoredisClient, NodeRedisClient, RedisClient, ScriptClient } from './redis-clients.ts'

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

/** Of a Redis that is no Cluster. */
const NO_SLOT = -1
/** In a millisecond. */
const MICROSECONDS = 1000

/**
 * Counts in Redis 5 or later, or Valkey; of one server, behind Sentinels, or of a Cluster.
 *
 * What is asked in one turn of the event loop goes out as one script call (in a Cluster one for each
 * slot), which decides by the clock of the server.
 */
export class RedisStore implements Store {
  readonly #client: ScriptClient
  readonly #prefix: string
  readonly #policies = new WeakMap<Policies, RedisPolicies>()
  /** By slot; where there are none, all in one. */
  #batches = new Map<number, Batch>()
  #isAwaited = false

  /** @throws InvalidOptionError */
  constructor({ client, prefix = 'holdfast:' }: RedisStoreOptions) {
    this.#client = scriptClientOf(client, 'client')
    if (typeof prefix !== 'string' || /[{}]/.test(prefix)) {
      throw new InvalidOptionError('prefix', 'text without braces', describe(prefix))
    }
    this.#prefix = prefix
  }

  get isReady(): boolean {
    return this.#client.isReady !== false
  }

  check(charge: Charge): Promise<Decision> {
    return this.#decide('check', charge)
  }

  peek(charge: Charge): Promise<Decision> {
    return this.#decide('peek', charge)
  }

  async reserve(charge: Charge): Promise<StoreReservation> {
    const { policies, costs } = charge
    const known = this.#known(policies)
    const read = (reply: Reply) => known.readReserved(reply, costs)
    const [decision, claims] = await this.#ask('reserve', charge, known, known.textOf(costs), read)
    let isOpen = decision.allowed
    const settle = async (actual: Each<number>): Promise<void> => {
      if (!isOpen) return
      isOpen = false
      await this.#settle(charge, known, claims, actual)
    }
    return { decision, settle }
  }

  async reset(account: StoreAccount): Promise<void> {
    const known = this.#known(account.policies)
    await this.#ask('reset', account, known, known.textOf(0), skip(known))
  }

  async ban(account: StoreAccount, duration: number): Promise<void> {
    const known = this.#known(account.policies)
    const text = known.textOf(Math.ceil(duration * MICROSECONDS))
    await this.#ask('ban', account, known, text, skip(known))
  }

  /** Asks as soon as the client is ready whether it may run scripts on keys of this prefix. */
  async open(): Promise<void> {
    if (!this.isReady) await this.#ready()
    const keys = [`${this.#prefix}t{boot}`]
    try {
      await this.#run(keys, ['reset 1 0 t 0 1 0'])
    } catch (error) {
      const { message } = error as Error
      if (/^(NOPERM|NOAUTH|WRONGPASS)|unknown command/.test(message)) {
        throw new StoreRefusedError(message)
      }
    }
  }

  #ready(): Promise<void> {
    return new Promise((resolve) => {
      const release = this.onReady(() => {
        release()
        resolve()
      })
    })
  }

  onReady(listener: () => void): () => void {
    this.#client.on?.('ready', listener)
    return () => {
      this.#client.off?.('ready', listener)
    }
  }

  partOf({ limit, keys }: StoreAccount): string {
    return this.#client.nodeOf?.(slotOf(hashTagOf(limit, keys))) ?? ''
  }

  #decide(action: 'check' | 'peek', charge: Charge): Promise<Decision> {
    const { policies, costs } = charge
    const known = this.#known(policies)
    return this.#ask(action, charge, known, known.textOf(costs), (reply) =>
      known.read(reply, costs)
    )
  }

  async #settle(
    charge: Charge,
    known: RedisPolicies,
    claims: readonly RedisClaim[],
    actual: Each<number>
  ): Promise<void> {
    const text = known.settledText(charge.costs, actual, claims)
    await this.#ask('settle', charge, known, text, skip(known))
  }

  #ask<Answer>(
    action: Action,
    { limit, keys, countDenied }: StoreAccount,
    policies: RedisPolicies,
    text: string,
    read: (reply: Reply) => Answer
  ): Promise<Answer> {
    return new Promise<Answer>((resolve, fail) => {
      const tag = hashTagOf(limit, keys)
      const answer = (reply: Reply): void => resolve(read(reply))
      this.#enqueue({ action, tag, limit, keys, policies, countDenied, text, answer, fail })
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
    if (batch !== undefined && batch.size + question.policies.length > MOST_KEYS) {
      this.#send(batch)
      batch = undefined
    }
    if (batch === undefined) {
      batch = new Batch()
      this.#batches.set(slot, batch)
    }
    batch.add(question)
    if (this.#isAwaited) return
    this.#isAwaited = true
    // After all that this turn has read from its sockets.
    setImmediate(this.#sendAll)
  }

  readonly #sendAll = (): void => {
    const batches = this.#batches
    this.#batches = new Map()
    this.#isAwaited = false
    for (const batch of batches.values()) this.#send(batch)
  }

  #send(batch: Batch): void {
    this.#run(batch.names(this.#prefix), batch.args())
      .then((reply) => batch.answer(reply))
      .catch((error) => batch.fail(error))
  }

  /** Redis forgets scripts when it restarts, fails over or is told to: then it is given ours again. */
  async #run(keys: string[], args: string[]): Promise<unknown> {
    try {
      return await this.#client.evalsha(SCRIPT_SHA, keys, args)
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error
      return this.#client.eval(SCRIPT, keys, args)
    }
  }
}

/** Reads an answer that says nothing: one number for each account. */
function skip({ length }: RedisPolicies): (reply: Reply) => void {
  return (reply) => {
    for (let index = 0; index < length; index++) reply.next()
  }
}
