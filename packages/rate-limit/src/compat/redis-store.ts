/**
 * Counters in Redis: one key and one round trip for each, by the server's clock.
 */
import { describe, InvalidOptionError } from '@holdfast/core/options'
import type { Limits } from './limits.ts'
import type { Store } from './store.ts'
import type { Count } from './window.ts'

const COUNT = 'holdfastCountRequest'
const READ = 'holdfastReadRequests'

/** The part of a client of ioredis or iovalkey that is used here. */
interface RedisClient {
  defineCommand(name: string, definition: { numberOfKeys: number; lua: string }): void
  [COUNT](key: string, window: number, max: number, penalty: string): Promise<[number, number]>
  [READ](key: string): Promise<[number, number]>
}

const COUNT_SCRIPT = `
local window, max = tonumber(ARGV[1]), tonumber(ARGV[2])
local current = redis.call('INCR', KEYS[1])
local ttl = redis.call('PTTL', KEYS[1])
if current > max and ARGV[3] == 'continue' then
  ttl = -1
elseif current > max and ARGV[3] == 'backoff' then
  window = math.min(window * 2 ^ (current - max - 1), 9007199254740991)
  ttl = -1
end
if ttl < 0 then
  ttl = window
  redis.call('PEXPIRE', KEYS[1], string.format('%.0f', window))
end
return { current, ttl }
`

const READ_SCRIPT = `
local current = redis.call('GET', KEYS[1])
if not current then return { 0, 0 } end
return { tonumber(current), math.max(0, redis.call('PTTL', KEYS[1])) }
`

/** The counters of one limit. */
export class RedisStore implements Store {
  readonly isGroup: boolean
  readonly canRead = true
  readonly #client: RedisClient
  readonly #prefix: string
  readonly #penalty: string

  /**
   * @param nameSpace the beginning of all keys of the registration
   * @param route the next part of the keys of a route's own limit
   */
  constructor(client: object, nameSpace: string, limits: Limits, route = '') {
    const { groupId, continueExceeding, exponentialBackoff } = limits
    this.#client = withCommands(client)
    this.isGroup = groupId !== undefined
    // With the length, no group and key together read like a longer group and a shorter key.
    const group = groupId === undefined ? route : `group:${groupId.length}:${groupId}-`
    this.#prefix = nameSpace + group
    this.#penalty = continueExceeding ? 'continue' : exponentialBackoff ? 'backoff' : ''
  }

  async increment(key: string, timeWindow: number, max: number): Promise<Count> {
    const client = this.#client
    return countOf(await client[COUNT](this.#prefix + key, timeWindow, max, this.#penalty))
  }

  async read(key: string): Promise<Count> {
    return countOf(await this.#client[READ](this.#prefix + key))
  }
}

function countOf([current, ttl]: [number, number]): Count {
  return { current, ttl }
}

/**
 * The client, with the two scripts as its commands.
 *
 * @throws InvalidOptionError for any other value
 */
function withCommands(given: object): RedisClient {
  const client = given as Partial<RedisClient>
  if (typeof client.defineCommand !== 'function') {
    const expected = 'a client of ioredis or iovalkey, with defineCommand()'
    throw new InvalidOptionError('rateLimit.redis', expected, describe(given))
  }
  if (client[COUNT] === undefined) {
    client.defineCommand(COUNT, { numberOfKeys: 1, lua: COUNT_SCRIPT })
    client.defineCommand(READ, { numberOfKeys: 1, lua: READ_SCRIPT })
  }
  return client as RedisClient
}
