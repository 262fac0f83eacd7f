/**
 * What one limit decides about a request.
 */
import { clientKey, routeConfig } from '@holdfast/core'
import type { FastifyBaseLogger, FastifyRequest } from 'fastify'

import { DEFAULT_MAX, DEFAULT_WINDOW } from '../limit-options.ts'

import { normalizeIP } from './normalize-ip.ts'
import { type Limits, type RateLimitOptions, spanOf } from './options.ts'
import type { Store } from './store.ts'
import type { Count } from './window.ts'

/** A request that is not limited. */
export interface Unlimited {
  isAllowed: true
  key: string
}

/** A request that was counted. `isAllowed` says that it was not exempt, no more. */
export interface Counted {
  isAllowed: false
  key: string
  max: number
  timeWindow: number
  remaining: number
  ttl: number
  ttlInSeconds: number
  isExceeded: boolean
  isBanned: boolean
}

const NOT_COUNTED: Count = { current: 0, ttl: 0 }

/** One limit with its counters. */
export class Limiter {
  readonly limits: Limits
  readonly #store: Store
  readonly #log: FastifyBaseLogger
  readonly #told = new Set<string>()

  constructor(limits: Limits, store: Store, log: FastifyBaseLogger) {
    this.limits = limits
    this.#store = store
    this.#log = log
  }

  /** Counts a request, or with `increment: false` only looks. */
  async check(
    request: FastifyRequest,
    { increment = true }: { increment?: boolean } = {}
  ): Promise<Unlimited | Counted> {
    const { limits } = this
    const { keyGenerator, allowList } = limits
    const key =
      keyGenerator === undefined ? this.#address(request) : this.#key(await keyGenerator(request))
    if (typeof allowList === 'function') {
      if (await allowList(request, key)) return { isAllowed: true, key }
    } else if (allowList?.includes(key)) return { isAllowed: true, key }

    const { max: some, timeWindow: span } = limits
    const max = typeof some === 'number' ? some : this.#most(await some(request, key))
    const timeWindow = typeof span === 'number' ? span : this.#window(await span(request, key))
    const { current, ttl } = await this.#count(request, key, timeWindow, max, increment)
    return {
      isAllowed: false,
      key,
      max,
      timeWindow,
      remaining: Math.max(0, max - current),
      ttl,
      ttlInSeconds: Math.ceil(ttl / 1000),
      isExceeded: current > max,
      isBanned: limits.ban !== -1 && current - max > limits.ban
    }
  }

  #address({ ip }: FastifyRequest): string {
    // Who comes through a Unix socket has none.
    return ip ? normalizeIP(ip, this.limits.ipv6Subnet) : clientKey(ip)
  }

  #key(answer: unknown): string {
    if (answer === undefined || answer === null || answer === '') {
      this.#tell('keyGenerator answered with nothing: such requests share one limit.')
    }
    // The user's other functions are given what this one made.
    return answer as string
  }

  async #count(
    request: FastifyRequest,
    key: string,
    timeWindow: number,
    max: number,
    increment: boolean
  ): Promise<Count> {
    const store = this.#store
    const name = store.isGroup ? String(key) : `${key}${groupOf(request)}`
    if (!increment && !store.canRead) {
      throw new Error(
        'The rate-limit store has no `read` method, which `{ increment: false }` needs'
      )
    }
    try {
      if (increment) return await store.increment(name, timeWindow, max)
      return await store.read(name, timeWindow, max)
    } catch (error) {
      if (this.limits.skipOnError) return NOT_COUNTED
      throw error
    }
  }

  #most(answer: unknown): number {
    const max = Number(answer)
    if (!Number.isNaN(max)) return max
    this.#tell(`max answered with something else than a number: the limit was ${DEFAULT_MAX}.`)
    return DEFAULT_MAX
  }

  #window(answer: unknown): number {
    const timeWindow = spanOf(answer)
    if (timeWindow !== undefined) return timeWindow
    this.#tell(`timeWindow answered with no span of time: the window was ${DEFAULT_WINDOW} ms.`)
    return DEFAULT_WINDOW
  }

  #tell(what: string): void {
    if (this.#told.has(what)) return
    this.#told.add(what)
    this.#log.error(`rateLimit: ${what} This is logged once.`)
  }
}

/** Requests of a group are counted apart, whatever limiter counts them. */
function groupOf(request: FastifyRequest): string {
  const { rateLimit } = routeConfig(request) as { rateLimit?: RateLimitOptions | false }
  return rateLimit ? (rateLimit.groupId ?? '') : ''
}
