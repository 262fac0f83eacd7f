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

/** One way to tell clients apart. */
type KeyOf = (request: FastifyRequest) => MaybePromise<string>

/** Tells the clients of one limit apart. */
export class Clients {
  /** Whether no client goes unlimited. */
  readonly areAllLimited: boolean
  /** The different ways to tell clients apart; most often there is one. */
  readonly #keys: readonly KeyOf[]
  /** The way of each policy, as an index of `#keys`. */
  readonly #keyOfPolicy: readonly number[]
  readonly #firstKey: KeyOf
  readonly #allowed: UserFunction<boolean> | AddressList

  constructor(
    policies: readonly PolicyOptions[],
    allowList: AddressList | AllowFunction,
    source: OptionSource
  ) {
    const ways = policies.map(({ keyGenerator, ipv6Subnet }) => keyGenerator ?? ipv6Subnet)
    const different = [...new Set(ways)]
    this.#keys = different.map((way) => {
      if (typeof way === 'number') return (request) => clientKey(request.ip, way)
      const key = new UserFunction('keyGenerator', source, way, KEY)
      return (request) => key.call(request, '')
    })
    this.#keyOfPolicy = ways.map((way) => different.indexOf(way))
    this.#firstKey = this.#keys[0] as KeyOf
    const isList = allowList instanceof AddressList
    this.areAllLimited = isList && allowList.isEmpty
    this.#allowed = isList ? allowList : new UserFunction('allowList', source, allowList, ALLOWED)
  }

  /** The key of a request's client; where policies tell clients differently, one for each. */
  keysOf(request: FastifyRequest): MaybePromise<PerPolicy<string>> {
    if (this.#keys.length === 1) return this.#firstKey(request)
    const keys = this.#keys.map((keyOf) => keyOf(request))
    return allKnown(keys, (keys) => this.#keyOfPolicy.map((index) => keys[index] as string))
  }

  /** The keys under all policies of a client that is given as text. */
  keysNamed(name: string): PerPolicy<string> {
    return this.#keys.length === 1 ? name : this.#keyOfPolicy.map(() => name)
  }

  /**
   * Whether a request goes unlimited. Never, where a list is asked about a key alone.
   *
   * @throws RequestNeededError
   */
  isAllowListed(
    request: FastifyRequest | undefined,
    keys: PerPolicy<string>
  ): MaybePromise<boolean> {
    const allowed = this.#allowed
    if (allowed instanceof AddressList) return request !== undefined && allowed.has(request.ip)
    if (request === undefined) throw new RequestNeededError('allowList')
    return allowed.call(request, forPolicy(keys, 0))
  }
}
