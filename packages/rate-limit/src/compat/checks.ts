/**
 * Which limiter checks which requests, and that it does so once.
 */
import { routeConfig } from '@holdfast/core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { deny, pass } from './answer.ts'
import type { Limiter } from './limiter.ts'

/** A hook that checks a request: of a route, or where a user puts it. */
export type Handler = (request: FastifyRequest, reply: FastifyReply) => Promise<void>

interface Marked {
  [mark: symbol]: true | Limiter | null | undefined
}

/** The checks of one registration: one for each request, however many hooks it passes. */
export class Checks {
  /** Marks a checked request: with `true`, or with the limiter that checked it in passing. */
  readonly mark: symbol = Symbol('holdfast.rate-limit.compat.checked')
  /** The 404 handlers that check requests themselves, by their config. */
  readonly #selfLimited = new WeakSet<object>()

  /** A hook for a route that the limiter belongs to, or for any place where a user puts it. */
  handler(limiter: Limiter): Handler {
    const { mark } = this
    return async (request, reply) => {
      this.notice(request)
      const marked = request as object as Marked
      const earlier = marked[mark]
      if (earlier === true || earlier === limiter) return
      marked[mark] = true
      await check(limiter, request, reply, earlier !== null && earlier !== undefined)
    }
  }

  /** Checks a request that may be checked again later: one without a route, for example. */
  async inPassing(limiter: Limiter, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const marked = request as object as Marked
    if (marked[this.mark] || this.#selfLimited.has(routeConfig(request))) return
    marked[this.mark] = limiter
    await check(limiter, request, reply, false)
  }

  /** Remembers a 404 handler that checks requests itself: the plugin leaves it alone from then on. */
  notice(request: FastifyRequest): void {
    if (request.is404) this.#selfLimited.add(routeConfig(request))
  }
}

async function check(
  limiter: Limiter,
  request: FastifyRequest,
  reply: FastifyReply,
  hasLastWord: boolean
): Promise<void> {
  const checked = await limiter.check(request)
  if (checked.isAllowed) return
  if (checked.isExceeded) await deny(request, reply, checked, limiter.limits)
  else pass(request, reply, checked, limiter.limits, hasLastWord)
}
