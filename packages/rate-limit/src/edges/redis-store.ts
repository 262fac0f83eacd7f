/**
 * Counts in Redis or Valkey, for all processes that use the same one.
 */
import { describe, InvalidOptionError } from '@holdfast/core'
import type { Decision } from '../decision.ts'
import { StoreRefusedError } from '../errors.ts'
import type { Policies } from '../policy.ts'
import type { Charge, Store, StoreAccount } from '../store.ts'
import { RedisPolicies, tagOf } from './redis-account.ts'
import { type Action, Batch, type Question } from './redis-batch.ts'
import { type RedisClient, type ScriptClient, scriptClientOf } from './redis-clients.ts'
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

const NOTHING = -1

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

  check({ limit, key, policies, cost, countDenied }: Charge): Promise<Decision> {
    return this.#ask('check', limit, key, policies, cost, countDenied)
  }

  peek({ limit, key, policies, cost }: Charge): Promise<Decision> {
    return this.#ask('peek', limit, key, policies, cost)
  }

  async refund({ limit, key, policies, cost }: Charge): Promise<void> {
    await this.#ask('refund', limit, key, policies, cost)
  }

  async reset({ limit, key, policies }: StoreAccount): Promise<void> {
    await this.#ask('reset', limit, key, policies)
  }

  /** Asks as soon as the client is ready whether it may run scripts on keys of this prefix. */
  async open(): Promise<void> {
    if (!this.isReady) await this.#ready()
    const keys = [`${this.#prefix}t{boot}`]
    try {
      await this.#run(keys, ['reset 1 0 0 t 0 1'])
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

  partOf(key: string): string {
    return this.#client.nodeOf?.(slotOf(tagOf(key))) ?? ''
  }

  #ask(
    action: Action,
    limit: string,
    key: string,
    policies: Policies,
    cost = 0,
    countDenied = false
  ): Promise<Decision> {
    return new Promise<Decision>((answer, fail) => {
      const tag = tagOf(key)
      const known = this.#known(policies)
      this.#enqueue({ action, tag, limit, policies: known, cost, countDenied, answer, fail })
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
    const slot = this.#client.nodeOf === undefined ? NOTHING : slotOf(question.tag)
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
    this.#run(batch.keys(this.#prefix), batch.args())
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
