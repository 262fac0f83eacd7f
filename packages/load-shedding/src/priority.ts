/**
 * What matters most, and where a request stands: the ladder that load shedding refuses from the bottom of.
 */

/**
 * What a request is worth to the service when it cannot serve all:
 *
 * - `critical`: what the service is there for, a payment. It may also wait longer
 * - `normal`: everything else that somebody waits for
 * - `optional`: what nobody misses for a minute, a recommendation
 * - `bulk`: what will be asked again, a crawler, a report, a prefetch
 */
export type Priority = 'critical' | 'normal' | 'optional' | 'bulk'

/** All priorities, the lowest first. */
export const PRIORITIES: readonly Priority[] = ['bulk', 'optional', 'normal', 'critical']

/** A priority as a number, 0 to 3: the higher, the more it matters. */
export type Rank = 0 | 1 | 2 | 3

export const BULK: Rank = 0
export const CRITICAL: Rank = 3

/** Returns the rank of a priority; `undefined` for what is none. */
export function rankOf(priority: unknown): Rank | undefined {
  switch (priority) {
    case 'critical':
      return CRITICAL
    case 'normal':
      return 2
    case 'optional':
      return 1
    case 'bulk':
      return BULK
    default:
      return undefined
  }
}

/**
 * Returns the level of a request, from 0 to below 1: by its priority first, by its cohort within.
 *
 * @param place the place of the cohort, from 0 to below 1
 */
export function levelOf(rank: Rank, place: number): number {
  return (rank + place) / PRIORITIES.length
}

const FNV_OFFSET = 0x811c9dc5
const FNV_PRIME = 0x01000193

/**
 * Returns the place of a cohort, from 0 to below 1. It is the same in every process, so that who is
 * refused by one instance does not get in by asking the next, and another one in each epoch.
 */
export function placeOf(cohort: string, epoch: number): number {
  let hash = FNV_OFFSET ^ epoch
  for (let index = 0; index < cohort.length; index++) {
    hash = Math.imul(hash ^ cohort.charCodeAt(index), FNV_PRIME)
  }
  // The last characters have moved only the low bits until now: the finish of MurmurHash3.
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32
}
