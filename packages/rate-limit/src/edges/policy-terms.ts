/**
 * What one policy allows, and what a request takes of it: numbers, or what users' functions answer.
 */
import { type Duration, parseDuration } from '@holdfast/core'
import type { FastifyRequest } from 'fastify'
import { RequestNeededError } from '../errors.ts'
import { MOST_IN_A_WINDOW, requests, window } from '../limit-checks.ts'
import type { MaybePromise, PolicyOptions } from '../limit-options.ts'
import { DEFAULT_MAX, DEFAULT_WINDOW } from '../options.ts'
import { type Policy, policyOf } from '../policy.ts'
import { type OptionPlace, UserFunction } from './user-function.ts'
import { whenKnown } from './when-known.ts'

type Term = UserFunction<number> | number

/** The numbers of a limit: `max`, and its window in milliseconds. */
export type Numbers = readonly [max: number, timeWindow: number]

/** The terms of one policy. */
export class PolicyResolver {
  /** What applies where no function says otherwise. */
  readonly usual: Policy
  /** What a request takes where no function says otherwise. */
  readonly usualCost: number
  /** Whether everybody has the same limit. */
  readonly isFixed: boolean
  /** Whether every request takes the same. */
  readonly hasFixedCost: boolean
  /** Whether its cost was stated for it alone. */
  readonly hasOwnCost: boolean
  readonly #options: PolicyOptions
  readonly #max: Term
  readonly #timeWindow: Term
  readonly #cost: Term

  /** @param part what comes before the names of its options */
  constructor(options: PolicyOptions, part: string, place: OptionPlace) {
    const { max, timeWindow, cost, algorithm, hasOwnCost } = options
    this.#options = options
    this.hasOwnCost = hasOwnCost
    const most = algorithm === 'token-bucket' ? Infinity : MOST_IN_A_WINDOW
    this.#max =
      typeof max === 'number'
        ? max
        : new UserFunction(`${part}max`, place, max, {
            what: 'a whole number of at least 0',
            read: (answer) => (passes(requests, answer) && answer <= most ? answer : undefined),
            otherwise: DEFAULT_MAX,
            told: `the limit was ${DEFAULT_MAX}.`
          })
    this.#timeWindow =
      typeof timeWindow === 'number'
        ? timeWindow
        : new UserFunction(`${part}timeWindow`, place, timeWindow, {
            what: 'a duration from 1 ms to 365 days',
            read: (answer) =>
              passes<Duration>(window, answer) ? parseDuration(answer, 'timeWindow') : undefined,
            otherwise: DEFAULT_WINDOW,
            told: `the window was ${DEFAULT_WINDOW} ms.`
          })
    this.#cost =
      typeof cost === 'number'
        ? cost
        : new UserFunction(`${part}cost`, place, cost, {
            what: 'a whole number of at least 0',
            read: (answer) => (passes(requests, answer) ? answer : undefined),
            otherwise: 1,
            told: 'the request took 1.'
          })
    this.usual = this.policyOf([
      typeof max === 'number' ? max : DEFAULT_MAX,
      typeof timeWindow === 'number' ? timeWindow : DEFAULT_WINDOW
    ])
    this.usualCost = typeof cost === 'number' ? cost : 1
    this.isFixed = isNumber(this.#max) && isNumber(this.#timeWindow)
    this.hasFixedCost = isNumber(this.#cost)
  }

  /** What a request may take. */
  numbersFor(request: FastifyRequest | undefined, key: string): MaybePromise<Numbers> {
    return whenKnown(askOf(this.#max, request, key), (max) =>
      whenKnown(askOf(this.#timeWindow, request, key), (timeWindow): Numbers => [max, timeWindow])
    )
  }

  /** What a request takes. */
  costOf(request: FastifyRequest | undefined, key: string): MaybePromise<number> {
    return askOf(this.#cost, request, key)
  }

  /** The policy with these numbers. */
  policyOf([max, timeWindow]: Numbers): Policy {
    const { name, burst, algorithm, strict } = this.#options
    return policyOf(name, { max, timeWindow, burst, algorithm, strict })
  }
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number'
}

function askOf(term: Term, request: FastifyRequest | undefined, key: string): MaybePromise<number> {
  if (isNumber(term)) return term
  if (request === undefined) throw new RequestNeededError(term.option)
  return term.ask(request, key)
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
