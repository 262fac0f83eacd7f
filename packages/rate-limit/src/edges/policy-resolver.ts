/**
 * One policy for one request: the numbers of its options, or what users' functions return in their
 * place.
 */
import { type Duration, parseDuration } from '@holdfast/core/options'
import type { FastifyRequest } from 'fastify'
import { RequestNeededError } from '../errors.ts'
import { requests, window } from '../limit-checks.ts'
import {
  DEFAULT_MAX,
  DEFAULT_WINDOW,
  MAX_WINDOW_COUNT,
  type MaybePromise,
  type PolicyOptions
} from '../limit-options.ts'
import { type Policy, policyOf } from '../policy.ts'
import { MAX_WINDOWS, type WindowSet } from '../windows.ts'
import { type OptionSource, UserFunction } from './user-function.ts'
import { whenKnown } from './when-known.ts'

type NumberOption = UserFunction<number> | number

/** The numbers of a limit: `max`, and its window in milliseconds. */
export type LimitNumbers = readonly [max: number, timeWindow: number]

/** Finds out what one policy allows, and what a request takes of it. */
export class PolicyResolver {
  /** The policy where no function says otherwise. */
  readonly usual: Policy
  /** What a request takes where no function says otherwise. */
  readonly usualCost: number
  /** Whether every client has the same limit. */
  readonly hasFixedLimit: boolean
  /** Whether every request takes the same. */
  readonly hasFixedCost: boolean
  /** Whether the cost was stated for this policy alone. */
  readonly hasOwnCost: boolean
  readonly #options: PolicyOptions
  readonly #max: NumberOption
  readonly #timeWindow: NumberOption
  readonly #cost: NumberOption
  readonly #source: OptionSource
  readonly #windows: WindowSet

  /** @param prefix what comes before the names of the policy's options, such as `policies[0].` */
  constructor(options: PolicyOptions, prefix: string, source: OptionSource, windows: WindowSet) {
    const { max, timeWindow, cost, algorithm, hasOwnCost } = options
    this.#options = options
    this.#source = source
    this.#windows = windows
    this.hasOwnCost = hasOwnCost
    const limit = algorithm === 'token-bucket' ? Infinity : MAX_WINDOW_COUNT
    this.#max =
      typeof max === 'number'
        ? max
        : new UserFunction(`${prefix}max`, source, max, {
            what: 'a whole number of at least 0',
            read: (answer) => (passes(requests, answer) && answer <= limit ? answer : undefined),
            fallback: DEFAULT_MAX,
            consequence: `the limit was ${DEFAULT_MAX}.`
          })
    this.#timeWindow =
      typeof timeWindow === 'number'
        ? timeWindow
        : new UserFunction(`${prefix}timeWindow`, source, timeWindow, {
            what: 'a duration from 1 ms to 365 days',
            read: (answer) =>
              passes<Duration>(window, answer) ? parseDuration(answer, 'timeWindow') : undefined,
            fallback: DEFAULT_WINDOW,
            consequence: `the window was ${DEFAULT_WINDOW} ms.`
          })
    this.#cost =
      typeof cost === 'number'
        ? cost
        : new UserFunction(`${prefix}cost`, source, cost, {
            what: 'a whole number of at least 0',
            read: (answer) => (passes(requests, answer) ? answer : undefined),
            fallback: 1,
            consequence: 'the request took 1.'
          })
    this.usual = this.#policyOf(
      typeof max === 'number' ? max : DEFAULT_MAX,
      typeof timeWindow === 'number' ? timeWindow : DEFAULT_WINDOW
    )
    this.usualCost = typeof cost === 'number' ? cost : 1
    this.hasFixedLimit = isNumber(this.#max) && isNumber(this.#timeWindow)
    this.hasFixedCost = isNumber(this.#cost)
  }

  /** What the client of a request is allowed. */
  numbersFor(request: FastifyRequest | undefined, key: string): MaybePromise<LimitNumbers> {
    return whenKnown(numberFor(this.#max, request, key), (max) =>
      whenKnown(
        numberFor(this.#timeWindow, request, key),
        (timeWindow): LimitNumbers => [max, this.#countedIn(timeWindow)]
      )
    )
  }

  /** What a request takes. */
  costOf(request: FastifyRequest | undefined, key: string): MaybePromise<number> {
    return numberFor(this.#cost, request, key)
  }

  /** The policy with the numbers of a request. */
  policyOf([max, timeWindow]: LimitNumbers): Policy {
    const policy = this.#policyOf(max, timeWindow)
    this.#windows.met(policy)
    return policy
  }

  /**
   * The policies that a client may have been counted under, one for each window.
   *
   * @throws RequestNeededError as long as no request has told any
   */
  countedUnder(): readonly Policy[] {
    if (this.hasFixedLimit) return [this.usual]
    const { strictest } = this.#windows
    if (strictest.length > 0) return strictest
    throw new RequestNeededError(isNumber(this.#max) ? 'timeWindow' : 'max')
  }

  #policyOf(max: number, timeWindow: number): Policy {
    const { name, burst, algorithm, strict } = this.#options
    return policyOf(name, { max, timeWindow, burst, algorithm, strict })
  }

  /** The window that requests are counted in which should be in this one. */
  #countedIn(timeWindow: number): number {
    if (isNumber(this.#timeWindow)) return timeWindow
    const window = this.#windows.take(timeWindow)
    if (window !== timeWindow && !this.#windows.isReported) {
      this.#windows.isReported = true
      const { path, log } = this.#source
      log.error(
        `${path}.${this.#timeWindow.option} returned more than ${MAX_WINDOWS} different windows: a request was counted in a window of ${window} ms in place of ${timeWindow} ms. Return one of a few windows. This is logged once.`
      )
    }
    return window
  }
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number'
}

function numberFor(
  option: NumberOption,
  request: FastifyRequest | undefined,
  key: string
): MaybePromise<number> {
  if (isNumber(option)) return option
  if (request === undefined) throw new RequestNeededError(option.option)
  return option.call(request, key)
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
