/**
 * Who asks, and whether they go unlimited.
 */
import type { FastifyRequest } from 'fastify'
import { AddressList } from '../address-list.ts'
import { clientKey } from '../client-key.ts'
import type { BudgetOptions, MaybePromise } from '../options.ts'
import { type Expected, type Place, UserFunction } from './user-function.ts'

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

/** Finds a budget's clients. */
export class Clients {
  /** Whether nobody goes unlimited. */
  readonly areAllLimited: boolean
  readonly #ipv6Subnet: number
  readonly #key: UserFunction<string> | undefined
  readonly #allowed: UserFunction<boolean> | AddressList

  constructor({ keyGenerator, ipv6Subnet, allowList }: BudgetOptions, place: Place) {
    this.#ipv6Subnet = ipv6Subnet
    if (keyGenerator !== undefined) {
      this.#key = new UserFunction('keyGenerator', place, keyGenerator, KEY)
    }
    const isList = allowList instanceof AddressList
    this.areAllLimited = isList && allowList.isEmpty
    this.#allowed = isList ? allowList : new UserFunction('allowList', place, allowList, ALLOWED)
  }

  /** The key of the request's client. */
  keyOf(request: FastifyRequest): MaybePromise<string> {
    if (this.#key !== undefined) return this.#key.ask(request, '')
    return clientKey(request.ip, this.#ipv6Subnet)
  }

  /** Whether the request goes unlimited. */
  isAllowListed(request: FastifyRequest, key: string): MaybePromise<boolean> {
    const allowed = this.#allowed
    return allowed instanceof AddressList ? allowed.has(request.ip) : allowed.ask(request, key)
  }
}
