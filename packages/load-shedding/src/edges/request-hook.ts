/**
 * The hook in which requests meet the shedder: which are asked about, what becomes of the refused, and
 * for how long the admitted count.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import {
  type Ending,
  factsOf,
  type GuardedLog,
  type HeadListener,
  isUpgrade,
  monotonicClock,
  onSettled,
  peekFacts,
  type RequestFacts,
  refuseWith,
  routeConfig,
  watchHead
} from '@holdfast/core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { shedChannel } from '../channels.ts'
import type { SheddingFact } from '../fact.ts'
import type { ResolvedOptions } from '../options.ts'
import { PRIORITIES, type Priority, type Rank } from '../priority.ts'
import { refusalOf, retryAfter } from '../refusals.ts'
import { Shedder, type SheddingReason } from '../shedder.ts'
import { type LoadSheddingState, SheddingTotals, type SheddingView } from '../state.ts'
import { Episodes } from './episodes.ts'
import { Cohorts, loweredRank, rankBy } from './ranking.ts'
import { type SheddingRoute, SheddingRoutes } from './routes.ts'
import { Turns } from './turns.ts'

type Done = (error?: Error) => void

/** Milliseconds between two refusals that are published. */
const SAMPLED = 100

/** Decides about the requests of one app. */
export class RequestHook implements SheddingView {
  readonly routes: SheddingRoutes
  readonly #isShadow: boolean
  readonly #shedder: Shedder
  readonly #turns: Turns
  readonly #cohorts: Cohorts
  readonly #episodes: Episodes
  readonly #totals = new SheddingTotals()
  #queueDelay = 0
  #publishedAt = -Infinity
  #unpublished = 0

  constructor(options: ResolvedOptions, log: GuardedLog) {
    this.#isShadow = options.isShadow
    this.#shedder = new Shedder(options)
    this.#turns = new Turns(this.#shedder)
    this.#cohorts = new Cohorts(options.cohort, options.cohortPeriod)
    this.#episodes = new Episodes(log, this, options.isShadow)
    this.routes = new SheddingRoutes(this.#shedder, options.rank, log)
  }

  get shedding(): boolean {
    this.#shedder.forget(monotonicClock())
    return this.#shedder.isShedding
  }

  get share(): number {
    this.#shedder.forget(monotonicClock())
    return this.#shedder.share
  }

  get level(): number {
    this.#shedder.forget(monotonicClock())
    return this.#shedder.lowest
  }

  get queueDelay(): number {
    return this.#queueDelay
  }

  get inFlight(): number {
    return this.#shedder.inHand
  }

  get limit(): number | undefined {
    const { limit } = this.#shedder
    return limit === Infinity ? undefined : Math.floor(limit)
  }

  /** A copy of all of it, with the totals. */
  get state(): LoadSheddingState {
    const { shedding, share, level, queueDelay, inFlight, limit } = this
    const { offered, shed, byPriority, byReason } = this.#totals
    return {
      ...{ shedding, share, level, queueDelay, inFlight, limit, shadow: this.#isShadow },
      ...{ offered, shed, shedByPriority: { ...byPriority }, shedByReason: { ...byReason } }
    }
  }

  /** Decides about a request. */
  check(request: FastifyRequest, reply: FastifyReply, done: Done): void {
    const route = this.routes.of(routeConfig(request))
    const facts = factsOf(request)
    if (route === undefined || facts.probe === true || isUpgrade(request.raw)) {
      done()
      return
    }
    const { startedAt } = facts
    // What never was in a socket, as with app.inject(), has not waited in one.
    const isSent = request.raw.socket instanceof Socket
    const now = isSent ? this.#turns.meet(startedAt) : startedAt
    this.#queueDelay = this.#shedder.waitAt(now)
    this.#totals.offered++
    this.#episodes.look(now)
    const rank = this.#rankOf(route, request)
    const { isFull } = route
    const reason = isFull ? 'in-flight' : this.#decide(now, rank, request, facts)
    if (reason === undefined) {
      route.begin()
      facts.workCount = route
      watchHead(reply.raw)
      onSettled(reply.raw, countOut)
      done()
    } else {
      // A route at its own limit says nothing about the service.
      if (!isFull) this.#episodes.refuse(now)
      this.#refuse(now, PRIORITIES[rank] as Priority, reason, request, reply, done)
    }
  }

  #rankOf(route: SheddingRoute, request: FastifyRequest): Rank {
    const rank = rankBy(route.rank, request)
    return this.#shedder.isAlert ? loweredRank(rank, request) : rank
  }

  #decide(
    now: number,
    rank: Rank,
    request: FastifyRequest,
    { deadline }: RequestFacts
  ): SheddingReason | undefined {
    const shedder = this.#shedder
    const place = shedder.isAlert ? this.#cohorts.placeOf(request) : 0
    return shedder.decide(now, rank, place, deadline === undefined ? Infinity : deadline - now)
  }

  #refuse(
    now: number,
    priority: Priority,
    reason: SheddingReason,
    request: FastifyRequest,
    reply: FastifyReply,
    done: Done
  ): void {
    const { share } = this.#shedder
    const fact: SheddingFact = { priority, reason, share, shadow: this.#isShadow }
    const facts = factsOf(request)
    facts.loadShedding = fact
    this.#totals.count(priority, reason)
    this.#publish(now, fact, request)
    if (this.#isShadow) {
      done()
      return
    }
    facts.refusedBy = 'load-shedding'
    const seconds = retryAfter(share, Math.random())
    refuseWith(reply, refusalOf(seconds, hasUnreadBody(request.raw)), done)
  }

  #publish(now: number, fact: SheddingFact, request: FastifyRequest): void {
    if (!shedChannel.hasSubscribers) return
    this.#unpublished++
    if (now - this.#publishedAt < SAMPLED) return
    shedChannel.publish({ ...fact, request, count: this.#unpublished })
    this.#publishedAt = now
    this.#unpublished = 0
  }
}

/** Whether the client goes on sending what nobody reads. A stream of HTTP/2 ends by itself. */
function hasUnreadBody({ httpVersionMajor, headers }: IncomingMessage): boolean {
  if (httpVersionMajor !== 1) return false
  const length = headers['content-length']
  return headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0')
}

/** Counts a request out whose answer begins: how long its body takes depends on its reader. */
export const countOutAnswered: HeadListener = (response) => {
  const facts = peekFacts(response.req)
  if (facts !== undefined) endWork(facts, true)
}

function countOut(response: ServerResponse, ending: Ending): void {
  endWork(factsOf(response.req), ending === 'finished')
}

function endWork(facts: RequestFacts, isAnswered: boolean): void {
  const { workCount } = facts
  if (workCount === undefined) return
  facts.workCount = undefined
  workCount.end(facts.startedAt, isAnswered)
}
