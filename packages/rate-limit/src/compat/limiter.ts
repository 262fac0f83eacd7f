/**
 * One limit, and its decision about a request.
 */
import { clientKey, type GuardedLog, routeConfig } from '@holdfast/core'
import type { FastifyRequest } from 'fastify'

import type { DecisionReason } from '../decision.ts'
import type { DecisionCounter } from '../decision-counter.ts'
import { DEFAULT_MAX, DEFAULT_WINDOW } from '../limit-options.ts'
import type { Limits } from './limits.ts'
import { normalizeIP } from './normalize-ip.ts'
import type { RateLimitOptions } from './options.ts'
import { spanOf } from './span.ts'
import type { Store } from './store.ts'
import type { Count } from './window.ts'

/** A request that is not limited. */
export interface Unlimited {
  isAllowed: true
  key: string
}

/** A request that was counted. `isAllowed` only says that it is not on the allow list. */
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
  readonly #log: GuardedLog
  readonly #counter: DecisionCounter
  readonly #reported = new Set<string>()

  constructor(limits: Limits, store: Store, log: GuardedLog, counter: DecisionCounter) {
    this.limits = limits
    this.#store = store
    this.#log = log
    this.#counter = counter
  }

  /** Counts a request, or with `increment: false` only reads its count. */
  async check(
    request: FastifyRequest,
    { increment = true }: { increment?: boolean | undefined } = {}
  ): Promise<Unlimited | Counted> {
    const { limits } = this
    const { keyGenerator, allowList } = limits
    const key =
      keyGenerator === undefined ? this.#address(request) : this.#key(await keyGenerator(request))
    const isAllowed =
      typeof allowList === 'function' ? await allowList(request, key) : allowList?.includes(key)
    if (isAllowed) {
      if (increment) this.#tally('allow-listed')
      return { isAllowed: true, key }
    }

    const max =
      typeof limits.max === 'number' ? limits.max : this.#max(await limits.max(request, key))
    const timeWindow =
      typeof limits.timeWindow === 'number'
        ? limits.timeWindow
        : this.#window(await limits.timeWindow(request, key))
    const count = await this.#count(request, key, timeWindow, max, increment)
    const { current, ttl } = count
    const isExceeded = current > max
    const isBanned = limits.ban !== -1 && current - max > limits.ban
    if (increment) {
      if (count === NOT_COUNTED) this.#tally('store')
      else if (isBanned) this.#tally('banned')
      else this.#tally(isExceeded ? 'exceeded' : 'within')
    }
    return {
      isAllowed: false,
      key,
      max,
      timeWindow,
      remaining: Math.max(0, max - current),
      ttl,
      ttlInSeconds: Math.ceil(ttl / 1000),
      isExceeded,
      isBanned
    }
  }

  #address({ ip }: FastifyRequest): string {
    // A client that comes through a Unix socket has none.
    return ip ? normalizeIP(ip, this.limits.ipv6Subnet) : clientKey(ip)
  }

  #key(answer: unknown): string {
    if (answer === undefined || answer === null || answer === '') {
      this.#report('keyGenerator returned nothing: such requests share one limit.')
    }
    // The user's other functions are given whatever this one returned.
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

  #tally(reason: DecisionReason): void {
    this.#counter.count({ policy: '', allowed: reason === 'within', reason })
  }

  #max(answer: unknown): number {
    const max = Number(answer)
    if (!Number.isNaN(max)) return max
    this.#report(`max returned something other than a number: the limit was ${DEFAULT_MAX}.`)
    return DEFAULT_MAX
  }

  #window(answer: unknown): number {
    const timeWindow = spanOf(answer)
    if (timeWindow !== undefined) return timeWindow
    this.#report(
      `timeWindow returned something other than a span of time: the window was ${DEFAULT_WINDOW} ms.`
    )
    return DEFAULT_WINDOW
  }

  #report(what: string): void {
    if (this.#reported.has(what)) return
    this.#reported.add(what)
    this.#log.error(`rateLimit: ${what} This is logged once.`)
  }
}

/** The group of a request's route, which has counters of its own in any limiter. */
function groupOf(request: FastifyRequest): string {
  const { rateLimit } = routeConfig(request) as { rateLimit?: RateLimitOptions | false }
  return rateLimit ? (rateLimit.groupId ?? '') : ''
}
