/**
 * Who a request comes from, and whether that client goes unlimited.
 */
import { AddressList, clientKey } from '@holdfast/core'
import type { FastifyRequest } from 'fastify'
import { RequestNeededError } from '../errors.ts'
import type { AllowFunction, MaybePromise, PolicyOptions } from '../limit-options.ts'
import { forPolicy, type PerPolicy } from '../per-policy.ts'
import { type Expected, type OptionSource, UserFunction } from './user-function.ts'
import { allKnown } from './when-known.ts'

const KEY: Expected<string> = {
  what: 'text that is not empty or a number',
  read(answer) {
    if (typeof answer === 'number' && !Number.isNaN(answer)) return String(answer)
    return typeof answer === 'string' && answer !== '' ? answer : undefined
  },
  // No client can have it: keys are not empty.
  fallback: '',
  consequence: 'such requests share one limit.'
}

const ALLOWED: Expected<boolean> = {
  what: 'true or false',
  read: (answer) => (typeof answer === 'boolean' ? answer : undefined),
  fallback: false,
  consequence: 'the limit applied.'
}

/**
 * One way to tell clients apart: the key of a request's client. Text is a key already, except where
 * addresses tell clients apart: there it may be any address of the client.
 */
type Way = (client: FastifyRequest | string) => MaybePromise<string>

/** Tells the clients of one limit apart. */
export class Clients {
  /** Whether no client goes unlimited. */
  readonly areAllLimited: boolean
  /** How text becomes keys: the same for all who make the same keys of the same text. */
  readonly textRule: string
  /** The different ways to tell clients apart; most often there is one. */
  readonly #ways: readonly Way[]
  /** The way of each policy, as an index of `#ways`. */
  readonly #wayOfPolicy: readonly number[]
  readonly #firstWay: Way
  /** Whether addresses tell clients apart under the first policy. */
  readonly #isByAddress: boolean
  readonly #allowed: UserFunction<boolean> | AddressList

  constructor(
    policies: readonly PolicyOptions[],
    allowList: AddressList | AllowFunction,
    source: OptionSource
  ) {
    const ways = policies.map(({ keyGenerator, ipv6Subnet }) => keyGenerator ?? ipv6Subnet)
    const different = [...new Set(ways)]
    this.#ways = different.map((way) =>
      typeof way === 'number'
        ? byAddress(way)
        : byKey(new UserFunction('keyGenerator', source, way, KEY))
    )
    this.#wayOfPolicy = ways.map((way) => different.indexOf(way))
    this.#firstWay = this.#ways[0] as Way
    this.#isByAddress = typeof ways[0] === 'number'
    this.textRule = ways
      .map((way) => `${different.indexOf(way)} ${typeof way === 'number' ? way : 'key'}`)
      .join()
    const isList = allowList instanceof AddressList
    this.areAllLimited = isList && allowList.isEmpty
    this.#allowed = isList ? allowList : new UserFunction('allowList', source, allowList, ALLOWED)
  }

  /**
   * The key of a client, given as a request or as text; where policies tell clients differently, one
   * for each.
   */
  keysOf(client: FastifyRequest | string): MaybePromise<PerPolicy<string>> {
    if (this.#ways.length === 1) return this.#firstWay(client)
    const keys = this.#ways.map((way) => way(client))
    return allKnown(keys, (keys) => this.#wayOfPolicy.map((index) => keys[index] as string))
  }

  /**
   * Whether a client goes unlimited, given as a request or as text. Text is compared with the list
   * where addresses tell clients apart.
   *
   * @throws RequestNeededError where the list is a function, and the client is given as text
   */
  isAllowListed(client: FastifyRequest | string, keys: PerPolicy<string>): MaybePromise<boolean> {
    const allowed = this.#allowed
    if (allowed instanceof AddressList) {
      if (typeof client === 'string') return this.#isByAddress && allowed.has(client)
      return allowed.has(client.ip)
    }
    if (typeof client === 'string') throw new RequestNeededError('allowList')
    return allowed.call(client, forPolicy(keys, 0))
  }
}

function byAddress(ipv6Subnet: number): Way {
  return (client) => clientKey(typeof client === 'string' ? client : client.ip, ipv6Subnet)
}

function byKey(keyGenerator: UserFunction<string>): Way {
  return (client) => (typeof client === 'string' ? client : keyGenerator.call(client, ''))
}
