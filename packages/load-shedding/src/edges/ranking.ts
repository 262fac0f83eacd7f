/**
 * Where a request stands: its rank, and the place of its cohort.
 */
import { clientKey, guardedCall, reportOnce } from '@holdfast/core'
import type { FastifyRequest } from 'fastify'
import type { RankSource } from '../options.ts'
import { BULK, placeOf, type Rank, rankOf } from '../priority.ts'

const NORMAL: Rank = 2

/** Returns the rank of a request by a source of ranks. A function that fails makes it normal. */
export function rankBy(source: RankSource, request: FastifyRequest): Rank {
  if (typeof source === 'number') return source
  const priority = guardedCall(source, 'the function loadShedding.priority', request)
  const rank = rankOf(priority)
  if (rank !== undefined) return rank
  if (priority !== undefined) {
    reportOnce(
      source,
      'the function loadShedding.priority',
      'It returned something other than a priority.'
    )
  }
  return NORMAL
}

/** RFC 9218: 6 and 7 are for what is not needed soon. */
const LOW_URGENCY = /(?:^|[,\s])u=[67](?:$|[,;\s])/

/** Returns the rank that a client leaves its request: it may lower it, and never raise it. */
export function loweredRank(rank: Rank, { headers }: FastifyRequest): Rank {
  const purpose = headers['sec-purpose']
  if (typeof purpose === 'string' && purpose.includes('prefetch')) return BULK
  const { priority } = headers
  return typeof priority === 'string' && LOW_URGENCY.test(priority) ? BULK : rank
}

/** Places requests within their rank, by their cohort. */
export class Cohorts {
  readonly #cohort: ((request: FastifyRequest) => string) | undefined
  readonly #period: number

  /** @param period milliseconds after which places change */
  constructor(cohort: ((request: FastifyRequest) => string) | undefined, period: number) {
    this.#cohort = cohort
    this.#period = period
  }

  /** The place of a request's cohort, from 0 to below 1. */
  placeOf(request: FastifyRequest): number {
    // By the wall clock: all processes of a service agree about it.
    return placeOf(this.#nameOf(request), Math.floor(Date.now() / this.#period))
  }

  #nameOf(request: FastifyRequest): string {
    const cohort = this.#cohort
    if (cohort === undefined) return clientKey(request.ip)
    const name: unknown = guardedCall(cohort, 'the function loadShedding.cohort', request)
    if (typeof name === 'string') return name
    if (name !== undefined) {
      reportOnce(
        cohort,
        'the function loadShedding.cohort',
        'It returned something other than text.'
      )
    }
    return ''
  }
}
