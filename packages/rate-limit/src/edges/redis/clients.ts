/**
 * Redis clients of any known kind, used alike.
 */
import { describe, InvalidOptionError } from '@holdfast/core/options'
import type {
  IoredisClient,
  NodeRedisClient,
  RedisClient,
  ScriptClient
} from '../../redis-client.ts'

/** Whether nobody hears of the client's errors, of which it may have had to tell. */
export function isUnheard(client: RedisClient): boolean {
  const { listenerCount } = client as { listenerCount?(event: string): unknown }
  return typeof listenerCount === 'function' && listenerCount.call(client, 'error') === 0
}

/** Whether it is a client of node-redis that nobody has told to connect, or that was closed. */
export function isUnconnected(client: RedisClient): boolean {
  return 'isOpen' in client && client.isOpen === false
}

/**
 * Makes of a client of any kind the least that a client must offer.
 *
 * @throws InvalidOptionError for anything else
 */
export function scriptClientOf(client: RedisClient, option: string): ScriptClient {
  if (isObject(client)) {
    if (isIoredis(client)) return new IoredisScripts(client)
    if (isNodeRedis(client)) return new NodeRedisScripts(client)
    if (isFunction(client, 'evalsha') && isFunction(client, 'eval')) return client as ScriptClient
  }
  const expected =
    'a client of ioredis, iovalkey or redis (node-redis 5 or later), or an object with evalsha(sha, keys, args) and eval(script, keys, args)'
  throw new InvalidOptionError(option, expected, describe(client))
}

function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function'
}

function isFunction(client: object, name: string): boolean {
  return typeof (client as Record<string, unknown>)[name] === 'function'
}

function isIoredis(client: object): client is IoredisClient {
  return isFunction(client, 'evalsha') && 'status' in client && typeof client.status === 'string'
}

function isNodeRedis(client: object): client is NodeRedisClient {
  return isFunction(client, 'evalSha') && isFunction(client, 'eval')
}

class IoredisScripts implements ScriptClient {
  readonly #client: IoredisClient
  readonly nodeOf?: (slot: number) => string

  constructor(client: IoredisClient) {
    this.#client = client
    if (client.isCluster === true) this.nodeOf = (slot) => client.slots?.[slot]?.[0] ?? ''
  }

  /** A client that connects with its first command must be given one: that is `'wait'`. */
  get isReady(): boolean {
    const { status } = this.#client
    return status === 'ready' || status === 'wait'
  }

  evalsha(sha: string, keys: string[], args: string[]): Promise<unknown> {
    return this.#client.evalsha(sha, keys.length, ...keys, ...args)
  }

  eval(script: string, keys: string[], args: string[]): Promise<unknown> {
    return this.#client.eval(script, keys.length, ...keys, ...args)
  }
}

class NodeRedisScripts implements ScriptClient {
  readonly #client: NodeRedisClient
  readonly nodeOf?: (slot: number) => string

  constructor(client: NodeRedisClient) {
    this.#client = client
    if ('nodeByAddress' in client) {
      this.nodeOf = (slot) => client.slots?.[slot]?.master.address ?? ''
    }
  }

  get isReady(): boolean {
    return this.#client.isReady ?? this.#client.isOpen
  }

  evalsha(sha: string, keys: string[], args: string[]): Promise<unknown> {
    return this.#client.evalSha(sha, { keys, arguments: args })
  }

  eval(script: string, keys: string[], args: string[]): Promise<unknown> {
    return this.#client.eval(script, { keys, arguments: args })
  }
}

const signals = new WeakMap<object, ReadySignal>()

/** Tells when a client is ready. */
export class ReadySignal {
  readonly #client: RedisClient
  readonly #listeners = new Set<() => void>()

  /** The signal of a client: always the same. */
  static of(client: RedisClient): ReadySignal {
    const signal = signals.get(client) ?? new ReadySignal(client)
    signals.set(client, signal)
    return signal
  }

  private constructor(client: RedisClient) {
    this.#client = client
  }

  /** Calls the listener whenever the client becomes ready, until the returned function is called. */
  listen(listener: () => void): () => void {
    // A function of its own: nobody ends what somebody else began.
    const own = (): void => listener()
    if (this.#listeners.size === 0) this.#client.on?.('ready', this.#tell)
    this.#listeners.add(own)
    return () => {
      if (this.#listeners.delete(own) && this.#listeners.size === 0) {
        this.#client.off?.('ready', this.#tell)
      }
    }
  }

  readonly #tell = (): void => {
    for (const listener of [...this.#listeners]) listener()
  }
}
