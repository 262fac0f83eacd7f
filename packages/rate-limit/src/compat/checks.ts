/**
 * Which requests are checked by which limiter, and how often.
 */
import { routeConfig } from '@holdfast/core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { deny, pass } from './answer.ts'
import type { Limiter } from './limiter.ts'

/** Checks a request: a hook of a route, or one that a user puts elsewhere. */
export type Handler = (request: FastifyRequest, reply: FastifyReply) => Promise<void>

interface Marked {
  [mark: symbol]: true | Limiter | null | undefined
}

/** The checks of one registration: one for each request, whatever hooks it passes. */
export class Checks {
  /** Marks a checked request: with `true`, or with the limiter that checked it in passing. */
  readonly mark: symbol = Symbol('holdfast.rate-limit.compat.checked')
  /** Handlers of 404 that see to a limit themselves, by their config. */
  readonly #limitThemselves = new WeakSet<object>()

  /** A hook for routes that are known to be limited so, or for wherever the user puts it. */
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

  /** Checks a request whose route nobody knows to be limited: one without a route, for instance. */
  async inPassing(limiter: Limiter, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const marked = request as object as Marked
    if (marked[this.mark] || this.#limitThemselves.has(routeConfig(request))) return
    marked[this.mark] = limiter
    await check(limiter, request, reply, false)
  }

  /** A handler of 404 that checks by itself is left alone from then on. */
  notice(request: FastifyRequest): void {
    if (request.is404) this.#limitThemselves.add(routeConfig(request))
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
