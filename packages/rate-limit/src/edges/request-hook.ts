/**
 * The hook in which requests are counted: which of them, where, and once.
 */

import { factsOf, monotonicClock, peekFacts, routeConfig } from '@holdfast/core'
import type { FastifyReply, FastifyRequest } from 'fastify'

import type { RateLimitHook } from '../limit-options.ts'
import type { PerPolicy } from '../per-policy.ts'
import { answer, answerAllowListed, type Done } from './answer.ts'
import type { RouteLimit, RouteLimits } from './limits.ts'
import type { ProxyWatch } from './proxy-watch.ts'
import { checkRefundably } from './refunds.ts'
import { isPromise, whenKnown } from './when-known.ts'

/** A hook made by `app.rateLimit()`: for requests of any server, of HTTP/2 too. */
export interface RateLimitHandler {
  <Request extends object, Reply extends object>(request: Request, reply: Reply, done: Done): void
  /** As `preParsing`, which is given the body first. */
  <Request extends object, Reply extends object>(
    request: Request,
    reply: Reply,
    body: unknown,
    done: Done
  ): void
}

/** Counts the requests of one registration. */
export class RequestHook {
  readonly #limits: RouteLimits
  readonly #proxies: ProxyWatch | undefined
  readonly #seen = new WeakSet<FastifyRequest>()

  /** @param proxies `undefined` where addresses do not tell clients apart */
  constructor(limits: RouteLimits, proxies: ProxyWatch | undefined) {
    this.#limits = limits
    this.#proxies = proxies
  }

  /** Counts a request if `hook` is the one that its limit is checked in; else it goes on. */
  check(hook: RateLimitHook, request: FastifyRequest, reply: FastifyReply, done: Done): void {
    const config = routeConfig(request)
    const limit = this.#limits.of(request, config)
    if (limit === undefined || limit.hook !== hook || config.holdfast?.probe === true) {
      done()
      return
    }
    if (hook === 'preHandler' && this.#isSecond(request)) {
      done()
      return
    }
    this.#count(limit, request, reply, done)
  }

  /** A hook that counts each request under one limit, unless that was done already. */
  handlerFor(limit: RouteLimit): RateLimitHandler {
    limit.counted ??= new WeakSet()
    const { counted } = limit
    const count = (request: FastifyRequest, reply: FastifyReply, done: Done): void => {
      if (counted.has(request) || routeConfig(request).holdfast?.probe === true) done()
      else this.#count(limit, request, reply, done)
    }
    const handler = function holdfastRateLimit(
      request: FastifyRequest,
      reply: FastifyReply,
      bodyOrDone: unknown,
      // As preParsing it is given the body first.
      done: Done = bodyOrDone as Done
    ) {
      count(request, reply, done)
    }
    return handler as RateLimitHandler
  }

  #count(limit: RouteLimit, request: FastifyRequest, reply: FastifyReply, done: Done): void {
    const known = peekFacts(request)
    if (known?.probe === true) {
      done()
      return
    }
    limit.counted?.add(request)
    this.#proxies?.look(request)
    const keys = limit.clients.keysOf(request)
    const { direct } = limit
    if (direct !== undefined && !isPromise(keys)) {
      const { usual, usualCosts } = limit.resolver
      // Facts that are made now have read the clock already.
      const time = known === undefined ? factsOf(request).startedAt : monotonicClock()
      answer(usual, keys, direct.check(keys, usualCosts, time), reply, done)
      return
    }
    const answered = whenKnown(keys, (keys) => this.#check(limit, keys, reply, done))
    // Users' functions do not fail, but what Fastify and its hooks do next may.
    if (isPromise(answered)) answered.catch(done)
  }

  #check(
    { clients, resolver, backend, refundDenied }: RouteLimit,
    keys: PerPolicy<string>,
    reply: FastifyReply,
    done: Done
  ): void | Promise<void> {
    const { request } = reply
    return whenKnown(clients.isAllowListed(request, keys), (isAllowListed) =>
      whenKnown(resolver.limitFor(request, keys), (limit) => {
        if (isAllowListed) {
          answerAllowListed(limit, request)
          done()
          return
        }
        const { policies } = limit
        return whenKnown(resolver.costsOf(request, keys), (costs) => {
          const charge = { keys, costs, policies }
          const decided = refundDenied
            ? checkRefundably(request, backend, charge)
            : backend.check(charge)
          return whenKnown(decided, (decision) => answer(limit, keys, decision, reply, done))
        })
      })
    )
  }

  /** `reply.callNotFound()` runs these hooks a second time. */
  #isSecond(request: FastifyRequest): boolean {
    if (this.#seen.has(request)) return true
    this.#seen.add(request)
    return false
  }
}
