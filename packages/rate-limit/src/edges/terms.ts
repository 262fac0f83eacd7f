/**
 * What a request takes, and of how much: numbers, or what users' functions answer.
 */
import type { Duration } from '@holdfast/core'
import { parseDuration } from '@holdfast/core'
import type { FastifyRequest } from 'fastify'
import { allowListed, type Decision } from '../decision.ts'
import { Denials } from '../denials.ts'
import { type FieldWriter, fieldWriter } from '../headers.ts'
import {
  type BudgetOptions,
  DEFAULT_MAX,
  DEFAULT_WINDOW,
  type MaybePromise,
  MOST_IN_A_WINDOW,
  requests,
  window
} from '../options.ts'
import { type Policies, policyOf } from '../policy.ts'
import { type Place, UserFunction } from './user-function.ts'
import { whenKnown } from './when-known.ts'

/** One limit, with all that is said of it. */
export interface Offer {
  readonly policies: Policies
  /** Tells a client its limit. */
  readonly write: FieldWriter
  readonly denials: Denials
  /** The decision about whoever is on the allow list. */
  readonly allowListed: Decision
}

/** Offers that are kept made: a function may answer with anything. */
const MOST_OFFERS = 1000

/** The terms of one budget. */
export class Terms {
  /** What is offered where no function says otherwise. */
  readonly usual: Offer
  /** What a request takes where no function says otherwise. */
  readonly usualCost: number
  /** Whether no request can have other terms than the usual. */
  readonly areFixed: boolean
  readonly #name: string
  readonly #options: BudgetOptions
  readonly #max: UserFunction<number> | number
  readonly #timeWindow: UserFunction<number> | number
  readonly #cost: UserFunction<number> | number
  readonly #offers = new Map<string, Offer>()

  /** @param name names the limit to clients */
  constructor(name: string, options: BudgetOptions, place: Place) {
    const { max, timeWindow, cost, algorithm } = options
    this.#name = name
    this.#options = options
    const most = algorithm === 'token-bucket' ? Infinity : MOST_IN_A_WINDOW
    this.#max =
      typeof max === 'number'
        ? max
        : new UserFunction('max', place, max, {
            what: 'a whole number of at least 0',
            read: (answer) => (passes(requests, answer) && answer <= most ? answer : undefined),
            otherwise: DEFAULT_MAX,
            told: `the limit was ${DEFAULT_MAX}.`
          })
    this.#timeWindow =
      typeof timeWindow === 'number'
        ? timeWindow
        : new UserFunction('timeWindow', place, timeWindow, {
            what: 'a duration from 1 ms to 365 days',
            read: (answer) =>
              passes<Duration>(window, answer) ? parseDuration(answer, 'timeWindow') : undefined,
            otherwise: DEFAULT_WINDOW,
            told: `the window was ${DEFAULT_WINDOW} ms.`
          })
    this.#cost =
      typeof cost === 'number'
        ? cost
        : new UserFunction('cost', place, cost, {
            what: 'a whole number of at least 0',
            read: (answer) => (passes(requests, answer) ? answer : undefined),
            otherwise: 1,
            told: 'the request took 1.'
          })
    this.usual = this.#make(
      typeof max === 'number' ? max : DEFAULT_MAX,
      typeof timeWindow === 'number' ? timeWindow : DEFAULT_WINDOW
    )
    this.usualCost = typeof cost === 'number' ? cost : 1
    this.areFixed = [this.#max, this.#timeWindow, this.#cost].every(isNumber)
  }

  /** What is offered to a request. */
  offerTo(request: FastifyRequest, key: string): MaybePromise<Offer> {
    if (isNumber(this.#max) && isNumber(this.#timeWindow)) return this.usual
    return whenKnown(askOf(this.#max, request, key), (max) =>
      whenKnown(askOf(this.#timeWindow, request, key), (timeWindow) => this.#offer(max, timeWindow))
    )
  }

  /** What a request takes. */
  costOf(request: FastifyRequest, key: string): MaybePromise<number> {
    return askOf(this.#cost, request, key)
  }

  #offer(max: number, timeWindow: number): Offer {
    const numbers = `${max}/${timeWindow}`
    let offer = this.#offers.get(numbers)
    if (offer === undefined) {
      if (this.#offers.size === MOST_OFFERS) this.#offers.clear()
      offer = this.#make(max, timeWindow)
      this.#offers.set(numbers, offer)
    }
    return offer
  }

  #make(max: number, timeWindow: number): Offer {
    const { headers, burst, algorithm, strict } = this.#options
    const policy = policyOf(this.#name, { max, timeWindow, burst, algorithm, strict })
    const write = fieldWriter(headers, [policy])
    return {
      policies: [policy],
      write,
      denials: new Denials(write),
      allowListed: allowListed(policy)
    }
  }
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number'
}

function askOf(
  term: UserFunction<number> | number,
  request: FastifyRequest,
  key: string
): MaybePromise<number> {
  return isNumber(term) ? term : term.ask(request, key)
}

/** Whether a value passes an option's check, and so is what the option may be. */
function passes<Value = number>(
  check: (value: unknown, option: string) => void,
  value: unknown
): value is Value {
  try {
    check(value, '')
    return true
  } catch {
    return false
  }
}
