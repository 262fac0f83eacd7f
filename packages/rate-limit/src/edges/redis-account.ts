/**
 * What Redis is told of limits and clients: names of keys, and the numbers of the policies in whole
 * microseconds.
 */
import { createHash } from 'node:crypto'
import type { Account, Algorithm, AlgorithmName } from '../algorithms/algorithm.ts'
import { FixedWindowAlgorithm } from '../algorithms/fixed-window.ts'
import { SlidingWindowAlgorithm } from '../algorithms/sliding-window.ts'
import { TokenBucketAlgorithm } from '../algorithms/token-bucket.ts'
import { type Decision, decisionOf, jointly } from '../decision.ts'
import type { Policies, Policy } from '../policy.ts'

/** In a millisecond. */
const MICROSECONDS = 1000

/** Anything else would end the hash tag, or make a key hard to look at. */
const SAFE = /^(?!#)[\x21-\x7a\x7c\x7e]{1,64}$/

const LETTERS: Readonly<Record<AlgorithmName, string>> = {
  'token-bucket': 't',
  'fixed-window': 'f',
  'sliding-window': 's'
}

/**
 * What a client's key is in the hash tag, which keeps all accounts of a client in one slot: the key
 * itself, or of a long or unusual one 128 bits of its SHA-256.
 */
export function tagOf(key: string): string {
  if (SAFE.test(key)) return key
  const digest = createHash('sha256').update(key, 'utf16le').digest()
  return `#${digest.subarray(0, 16).toString('base64url')}`
}

/** Some policies as the script knows them. */
export class RedisPolicies {
  /** What the script is told of them. */
  readonly text: string
  readonly #microseconds: readonly Policy[]
  readonly #letters: readonly string[]

  constructor(policies: Policies) {
    this.#microseconds = policies.map((policy) => {
      return { ...policy, algorithm: inMicroseconds(policy.algorithm) }
    })
    this.#letters = policies.map(({ algorithm }) => LETTERS[algorithm.name])
    this.text = this.#microseconds
      .map(
        ({ algorithm }) => `${LETTERS[algorithm.name]} ${algorithm.capacity} ${spanOf(algorithm)}`
      )
      .join(' ')
  }

  /** How many there are. */
  get length(): number {
    return this.#letters.length
  }

  /** Adds the names of a client's accounts. Two algorithms never share one. */
  addKeys(keys: string[], prefix: string, tag: string, limit: string): void {
    const letters = this.#letters
    if (letters.length === 1) {
      keys.push(`${prefix}${letters[0]}{${tag}}${limit}`)
      return
    }
    for (const [index, { name }] of this.#microseconds.entries()) {
      keys.push(`${prefix}${letters[index]}{${tag}}${limit}/${name}`)
    }
  }

  /** Reads a decision out of the script's reply. */
  read(reply: Reply, cost: number): Decision {
    const policies = this.#microseconds
    if (policies.length === 1) return readOne(policies[0] as Policy, reply, cost)
    return jointly(policies.map((policy) => readOne(policy, reply, cost)))
  }
}

/** Where the question was denied, every policy says so; each by itself may yet have allowed it. */
function readOne(policy: Policy, reply: Reply, cost: number): Decision {
  const { algorithm } = policy
  const first = reply.next()
  const isDenied = first < 0
  const account: Account = {
    until: isDenied ? -1 - first : first,
    used: algorithm.counts ? reply.next() : 0,
    previous: algorithm.counts ? reply.next() : 0
  }
  const wait = isDenied ? algorithm.wait(account, cost, 0) : 0
  return decisionOf(policy, account, wait, 0, MICROSECONDS)
}

/** The script's reply, one number after the other. */
export class Reply {
  readonly #numbers: readonly unknown[]
  #position = 0

  /** @throws Error when the client hands out something else than an answer for each account */
  constructor(numbers: unknown, accounts: number) {
    if (!Array.isArray(numbers) || numbers.length < accounts) {
      throw new Error('the client did not hand out what the script replied')
    }
    this.#numbers = numbers
  }

  /** Clients may be set to hand numbers out as text. */
  next(): number {
    return Number(this.#numbers[this.#position++])
  }
}

/** The same limit in whole microseconds, rounded so that it is never more generous. */
function inMicroseconds(algorithm: Algorithm): Algorithm {
  const { capacity } = algorithm
  if (algorithm instanceof TokenBucketAlgorithm) {
    return new TokenBucketAlgorithm(capacity, Math.ceil(algorithm.interval / 1000))
  }
  if (algorithm instanceof SlidingWindowAlgorithm) {
    return new SlidingWindowAlgorithm(capacity, Math.ceil(algorithm.horizon / 2000))
  }
  return new FixedWindowAlgorithm(capacity, Math.ceil(algorithm.horizon / 1000))
}

function spanOf(algorithm: Algorithm): number {
  if (algorithm instanceof TokenBucketAlgorithm) return algorithm.interval
  return algorithm.name === 'sliding-window' ? algorithm.horizon / 2 : algorithm.horizon
}
