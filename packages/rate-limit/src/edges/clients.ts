/**
 * Who asks, and whether they go unlimited.
 */
import { AddressList, clientKey } from '@holdfast/core'
import type { FastifyRequest } from 'fastify'
import { RequestNeededError } from '../errors.ts'
import type { AllowFunction, MaybePromise, PolicyOptions } from '../limit-options.ts'
import { forPolicy, type PerPolicy } from '../per-policy.ts'
import { type Expected, type OptionPlace, UserFunction } from './user-function.ts'
import { allKnown } from './when-known.ts'

const KEY: Expected<string> = {
  what: 'text that is not empty or a number',
  read(answer) {
    if (typeof answer === 'number' && !Number.isNaN(answer)) return String(answer)
    return typeof answer === 'string' && answer !== '' ? answer : undefined
  },
  // No client can have it: keys are not empty.
  otherwise: '',
  told: 'such requests share one budget.'
}

const ALLOWED: Expected<boolean> = {
  what: 'true or false',
  read: (answer) => (typeof answer === 'boolean' ? answer : undefined),
  otherwise: false,
  told: 'the limit applied.'
}

/** One way to tell clients apart. */
type Naming = (request: FastifyRequest) => MaybePromise<string>

/** Finds a budget's clients. */
export class Clients {
  /** Whether nobody goes unlimited. */
  readonly areAllLimited: boolean
  /** The different ways of naming; most often there is one. */
  readonly #namings: readonly Naming[]
  /** Which of them each policy has. */
  readonly #namingOf: readonly number[]
  readonly #first: Naming
  readonly #allowed: UserFunction<boolean> | AddressList

  constructor(
    limits: readonly PolicyOptions[],
    allowList: AddressList | AllowFunction,
    place: OptionPlace
  ) {
    const names = limits.map(({ keyGenerator, ipv6Subnet }) => keyGenerator ?? ipv6Subnet)
    const different = [...new Set(names)]
    this.#namings = different.map((by) => {
      if (typeof by === 'number') return (request) => clientKey(request.ip, by)
      const key = new UserFunction('keyGenerator', place, by, KEY)
      return (request) => key.ask(request, '')
    })
    this.#namingOf = names.map((by) => different.indexOf(by))
    this.#first = this.#namings[0] as Naming
    const isList = allowList instanceof AddressList
    this.areAllLimited = isList && allowList.isEmpty
    this.#allowed = isList ? allowList : new UserFunction('allowList', place, allowList, ALLOWED)
  }

  /** The key of the request's client; where policies name clients differently, one for each. */
  keysOf(request: FastifyRequest): MaybePromise<PerPolicy<string>> {
    if (this.#namings.length === 1) return this.#first(request)
    const asked = this.#namings.map((naming) => naming(request))
    return allKnown(asked, (keys) => this.#namingOf.map((naming) => keys[naming] as string))
  }

  /** The keys under all policies of what somebody has named. */
  keysNamed(name: string): PerPolicy<string> {
    return this.#namings.length === 1 ? name : this.#namingOf.map(() => name)
  }

  /**
   * Whether the request goes unlimited; a key alone is no address.
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
    return allowed.ask(request, forPolicy(keys, 0))
  }
}
