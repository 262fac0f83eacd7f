/**
 * The shapes of a Redis client: of ioredis and iovalkey, of node-redis, or a small interface. A client
 * is the user's: it is used as it is, never connected, configured or closed here.
 */

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
