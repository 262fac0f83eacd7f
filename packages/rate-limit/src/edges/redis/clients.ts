/**
 * Redis clients, by their shapes: ioredis and iovalkey, node-redis, or a small interface. A client is
 * the user's: it is used as it is, never connected, configured or closed here.
 */
import { describe, InvalidOptionError } from '@holdfast/core'

/** The least that a client must offer. */
export interface ScriptClient {
  /** Runs the script of that SHA-1. Rejects with Redis's `NOSCRIPT` where Redis does not have it. */
  evalsha(sha: string, keys: string[], args: string[]): Promise<unknown>
  /** Runs a script. */
  eval(script: string, keys: string[], args: string[]): Promise<unknown>
  /** Whether a command would be sent now; `false`: it would wait for a connection. */
  readonly isReady?: boolean
  /** Emits `'ready'` when commands can be sent again. */
  on?(event: 'ready', listener: () => void): unknown
  off?(event: 'ready', listener: () => void): unknown
  /** Of a cluster: the node that serves a slot. With this, a call has the keys of one slot only. */
  nodeOf?(slot: number): string
}

/** An ioredis 5 or 6 or iovalkey client, of one server, of Sentinels or of a Cluster. */
export interface IoredisClient {
  readonly status: string
  readonly isCluster?: boolean
  readonly slots?: readonly (readonly string[] | undefined)[]
  evalsha(sha: string, numberOfKeys: number, ...keysAndArgs: string[]): Promise<unknown>
  eval(script: string, numberOfKeys: number, ...keysAndArgs: string[]): Promise<unknown>
  on(event: 'ready', listener: () => void): unknown
  off(event: 'ready', listener: () => void): unknown
}

/** A node-redis 5 or 6 client, client pool, Sentinel or Cluster. */
export interface NodeRedisClient {
  readonly isOpen: boolean
  readonly isReady?: boolean
  readonly slots?: readonly ({ readonly master: { readonly address: string } } | undefined)[]
  evalSha(sha: string, options: NodeRedisArguments): Promise<unknown>
  eval(script: string, options: NodeRedisArguments): Promise<unknown>
  on(event: 'ready', listener: () => void): unknown
  off(event: 'ready', listener: () => void): unknown
}

interface NodeRedisArguments {
  keys: string[]
  arguments: string[]
}

/** A client of any known kind. */
export type RedisClient = IoredisClient | NodeRedisClient | ScriptClient

/** Whether nobody hears of the client's errors, of which it may have had to tell. */
export function isUnheard(client: RedisClient): boolean {
  const { listenerCount } = client as { listenerCount?(event: string): unknown }
  return typeof listenerCount === 'function' && listenerCount.call(client, 'error') === 0
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
