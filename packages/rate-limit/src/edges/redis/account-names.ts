/**
 * What accounts are called in Redis.
 */
import { nameDigest } from '@holdfast/core'
import type { AlgorithmName } from '../../algorithms/algorithm.ts'
import { forPolicy, type PerPolicy } from '../../per-policy.ts'
import type { Policies } from '../../policy.ts'

/** Names of clients that stand in a key as they are. Others would end the hash tag, or be hard to look at. */
const SAFE = /^(?!#)[\x21-\x7a\x7c\x7e]{1,64}$/

/** The algorithms as the script knows them. */
export const LETTERS: Readonly<Record<AlgorithmName, string>> = {
  'token-bucket': 't',
  'fixed-window': 'f',
  'sliding-window': 's'
}

/**
 * The hash tag, which keeps all accounts of a request in one slot: the client, or the limit where its
 * policies tell clients differently.
 */
export function hashTagOf(limit: string, keys: PerPolicy<string>): string {
  return tagOf(typeof keys === 'string' ? keys : limit)
}

/** The client's name itself, or of a long or unusual one 128 bits of its SHA-256. */
function tagOf(key: string): string {
  return SAFE.test(key) ? key : `#${nameDigest(key)}`
}

/** The accounts of clients under some policies. Two algorithms never share one. */
export class AccountNames {
  readonly #policies: Policies
  readonly #letters: readonly string[]

  constructor(policies: Policies) {
    this.#policies = policies
    this.#letters = policies.map(({ algorithm }) => LETTERS[algorithm.name])
  }

  /** Adds those of one client, one for each policy. */
  add(names: string[], prefix: string, tag: string, limit: string, keys: PerPolicy<string>): void {
    const letters = this.#letters
    if (typeof keys === 'string' && letters.length === 1) {
      names.push(`${prefix}${letters[0]}{${tag}}${limit}`)
      return
    }
    for (const [index, { name }] of this.#policies.entries()) {
      const start = `${prefix}${letters[index]}`
      // Neither the limit nor what is made of the client's key has braces.
      names.push(
        typeof keys === 'string'
          ? `${start}{${tag}}${limit}{${name}}`
          : `${start}:{${tag}}${tagOf(forPolicy(keys, index))}{${name}}`
      )
    }
  }
}
