/**
 * What Redis is told of limits and clients: names of keys, and the numbers of the policies in whole
 * microseconds.
 */
import { createHash } from 'node:crypto'
import type { Account, Algorithm, AlgorithmName } from '../../algorithms/algorithm.ts'
import { FixedWindowAlgorithm } from '../../algorithms/fixed-window.ts'
import { SlidingWindowAlgorithm } from '../../algorithms/sliding-window.ts'
import { TokenBucketAlgorithm } from '../../algorithms/token-bucket.ts'
import { banned, combineDecisions, type Decision, decisionOf } from '../../decision.ts'
import { forPolicy, type PerPolicy } from '../../per-policy.ts'
import type { Policies, Policy } from '../../policy.ts'
import type { Reply } from './reply.ts'

/** In a millisecond. */
const MICROSECONDS = 1000

/** And more: 142 years of microseconds. With the present moment they are still exact. */
const CENTURY = 2 ** 52

/** Anything else would end the hash tag, or make a key hard to look at. */
const SAFE = /^(?!#)[\x21-\x7a\x7c\x7e]{1,64}$/

const LETTERS: Readonly<Record<AlgorithmName, string>> = {
  'token-bucket': 't',
  'fixed-window': 'f',
  'sliding-window': 's'
}

/** What the script holds of one account after a charge that is still to be settled. */
export type RedisReservationMark = readonly [till: number, moved: number]

/**
 * What a client's key is in Redis: the key itself, or of a long or unusual one 128 bits of its
 * SHA-256.
 */
function tagOf(key: string): string {
  if (SAFE.test(key)) return key
  const digest = createHash('sha256').update(key, 'utf16le').digest()
  return `#${digest.subarray(0, 16).toString('base64url')}`
}

/**
 * The hash tag, which keeps all accounts of a request in one slot: the client, or the limit where its
 * policies tell clients differently.
 */
export function hashTagOf(limit: string, keys: PerPolicy<string>): string {
  return tagOf(typeof keys === 'string' ? keys : limit)
}

/** Some policies as the script knows them. */
export class RedisPolicies {
  readonly #microseconds: readonly Policy[]
  readonly #letters: readonly string[]
  /** What the script is told of each policy. */
  readonly #texts: readonly string[]
  /** What it was told last, where the cost was the same for all. */
  #lastCost = Number.NaN
  #lastText = ''

  constructor(policies: Policies) {
    this.#microseconds = policies.map((policy) => {
      return { ...policy, algorithm: inMicroseconds(policy.algorithm) }
    })
    this.#letters = policies.map(({ algorithm }) => LETTERS[algorithm.name])
    this.#texts = this.#microseconds.map(
      ({ algorithm }) => `${LETTERS[algorithm.name]} ${algorithm.capacity} ${spanOf(algorithm)}`
    )
  }

  /** How many there are. */
  get length(): number {
    return this.#letters.length
  }

  /** What the script is told of the policies and of costs under them. */
  textOf(costs: PerPolicy<number>): string {
    if (typeof costs === 'object') return this.#join((index) => `${forPolicy(costs, index)}`)
    if (costs !== this.#lastCost) {
      this.#lastText = this.#join(() => `${costs}`)
      this.#lastCost = costs
    }
    return this.#lastText
  }

  /** What it is told of costs that turned out to be others. */
  settledText(
    costs: PerPolicy<number>,
    actual: PerPolicy<number>,
    claims: readonly RedisReservationMark[]
  ): string {
    return this.#join((index) => {
      const [till, moved] = claims[index] as RedisReservationMark
      return `${forPolicy(costs, index)} ${forPolicy(actual, index)} ${till} ${moved}`
    })
  }

  /** Adds the names of a client's accounts. Two algorithms never share one. */
  addKeys(
    names: string[],
    prefix: string,
    tag: string,
    limit: string,
    keys: PerPolicy<string>
  ): void {
    const letters = this.#letters
    if (typeof keys === 'string' && letters.length === 1) {
      names.push(`${prefix}${letters[0]}{${tag}}${limit}`)
      return
    }
    for (const [index, { name }] of this.#microseconds.entries()) {
      const start = `${prefix}${letters[index]}`
      // Neither the limit nor what is made of the client's key has braces.
      names.push(
        typeof keys === 'string'
          ? `${start}{${tag}}${limit}{${name}}`
          : `${start}:{${tag}}${tagOf(forPolicy(keys, index))}{${name}}`
      )
    }
  }

  /** Reads a decision out of the script's reply. */
  read(reply: Reply, costs: PerPolicy<number>): Decision {
    const ban = reply.ban()
    const policies = this.#microseconds
    if (ban !== undefined) return banned(policies[0] as Policy, ban / MICROSECONDS)
    if (policies.length === 1) return readOne(policies[0] as Policy, reply, forPolicy(costs, 0))
    return combineDecisions(
      policies.map((policy, index) => readOne(policy, reply, forPolicy(costs, index)))
    )
  }

  /** Reads a decision and what is held by it. */
  readReserved(reply: Reply, costs: PerPolicy<number>): [Decision, RedisReservationMark[]] {
    const ban = reply.ban()
    const policies = this.#microseconds
    if (ban !== undefined) return [banned(policies[0] as Policy, ban / MICROSECONDS), []]
    const claims: RedisReservationMark[] = []
    const decisions = policies.map((policy, index) => {
      const decision = readOne(policy, reply, forPolicy(costs, index))
      claims.push([reply.next(), reply.next()])
      return decision
    })
    return [
      decisions.length === 1 ? (decisions[0] as Decision) : combineDecisions(decisions),
      claims
    ]
  }

  #join(told: (index: number) => string): string {
    return this.#texts.map((text, index) => `${text} ${told(index)}`).join(' ')
  }
}

/** Where the question was denied, every policy says so; each by itself may yet have allowed it. */
function readOne(policy: Policy, reply: Reply, cost: number): Decision {
  const { algorithm } = policy
  const first = reply.next()
  const isDenied = first < 0
  const account: Account = {
    expiresAt: isDenied ? -1 - first : first,
    used: algorithm.counts ? reply.next() : 0,
    previous: algorithm.counts ? reply.next() : 0
  }
  const wait = isDenied ? algorithm.wait(account, cost, 0) : 0
  return decisionOf(policy, account, wait, 0, MICROSECONDS)
}

/**
 * The same limit in whole microseconds, rounded so that it is not more generous. Only a bucket that
 * takes more than a century to fill does so sooner: what is beyond that Lua cannot count exactly.
 */
function inMicroseconds(algorithm: Algorithm): Algorithm {
  const { capacity } = algorithm
  if (algorithm instanceof TokenBucketAlgorithm) {
    const interval = Math.ceil(algorithm.interval / 1000)
    const longest = Math.floor(CENTURY / Math.max(1, capacity))
    return new TokenBucketAlgorithm(capacity, Math.min(interval, longest))
  }
  if (algorithm instanceof SlidingWindowAlgorithm) {
    return new SlidingWindowAlgorithm(capacity, Math.ceil(algorithm.lifetime / 2000))
  }
  return new FixedWindowAlgorithm(capacity, Math.ceil(algorithm.lifetime / 1000))
}

function spanOf(algorithm: Algorithm): number {
  if (algorithm instanceof TokenBucketAlgorithm) return algorithm.interval
  return algorithm.name === 'sliding-window' ? algorithm.lifetime / 2 : algorithm.lifetime
}
