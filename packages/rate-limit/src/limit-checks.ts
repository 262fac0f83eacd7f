/**
 * The checks that name a mistake in the options of a budget, and what it takes over where it says nothing.
 */
import {
  AddressList,
  boolean,
  checkOptions,
  type Duration,
  describe,
  duration,
  either,
  func,
  InvalidOptionError,
  integer,
  isNetwork,
  listOf,
  type OptionCheck,
  type OptionShape,
  oneOf,
  parseDuration,
  shapeOf,
  text
} from '@holdfast/core'
import {
  type AllowFunction,
  type LimitOptions,
  limitsOf,
  milliseconds,
  type PolicyOptions,
  type RateLimitPolicy,
  type RateLimitRouteOptions
} from './limit-options.ts'
import { policyOf } from './policy.ts'

/** The largest integer of a structured field: clients are told the limit in one. */
const MOST = 999_999_999_999_999

/** What windows count in. */
export const MOST_IN_A_WINDOW = 0xffff_ffff

/** 365 days. Nobody means more, and far beyond it numbers end to be exact, and then to be finite. */
const LONGEST_WINDOW = 31_536_000_000

/** A number of requests. */
export const requests: OptionCheck = integer({ min: 0, max: MOST })

/** The window of a limit. */
export const window: OptionCheck = (value, option) => {
  duration({ min: 1 })(value, option)
  // The check before leaves nothing but a duration.
  if (parseDuration(value as Duration, option) > LONGEST_WINDOW) {
    throw new InvalidOptionError(option, 'a duration of at most 365 days', describe(value))
  }
}

/** A function passes: what it answers is checked when it does. */
function orFunction(check: OptionCheck): OptionCheck {
  return (value, option) => {
    if (typeof value !== 'function') check(value, option)
  }
}

const network: OptionCheck = (value, option) => {
  if (typeof value !== 'string' || !isNetwork(value)) {
    const expected = 'an IP address or a network such as "10.0.0.0/8"'
    throw new InvalidOptionError(option, expected, describe(value))
  }
}

const networks: OptionCheck = listOf(network)
const networksOrFunction: OptionCheck = either(
  'an array of IP addresses and networks, or a function',
  networks,
  func
)

/** A wrong member of a list is named itself. */
const allowList: OptionCheck = (value, option) => {
  const check = Array.isArray(value) ? networks : networksOrFunction
  check(value, option)
}

/** A name goes into a header field, which knows no other characters (RFC 9651, 3.3.3). */
const name: OptionCheck = (value, option) => {
  text(value, option)
  if (!/^[\x20-\x7e]{1,64}$/.test(value as string)) {
    const expected = 'text of at most 64 printable ASCII characters'
    throw new InvalidOptionError(option, expected, describe(value))
  }
}

const LIMIT_SHAPE: OptionShape = {
  max: orFunction(requests),
  timeWindow: orFunction(window),
  algorithm: oneOf('token-bucket', 'sliding-window', 'fixed-window'),
  burst: integer({ min: 1, max: MOST }),
  strict: boolean,
  cost: orFunction(requests),
  keyGenerator: func,
  ipv6Subnet: integer({ min: 32, max: 128 })
}

const POLICY_SHAPE: OptionShape = { name, ...LIMIT_SHAPE }

/** Policies state a limit each, under names of their own: nothing of that has a default. */
const policies: OptionCheck = (value, option) => {
  listOf(shapeOf(POLICY_SHAPE))(value, option)
  const list = value as readonly RateLimitPolicy[]
  if (list.length === 0) throw new InvalidOptionError(option, 'at least one policy', 'empty')
  const names = new Set<string>()
  list.forEach((policy, index) => {
    for (const part of ['name', 'max', 'timeWindow'] as const) {
      if (policy[part] === undefined) {
        throw new InvalidOptionError(`${option}[${index}].${part}`, 'given', 'left out')
      }
    }
    if (names.has(policy.name)) {
      const expected = 'a name that no other policy has'
      throw new InvalidOptionError(`${option}[${index}].name`, expected, describe(policy.name))
    }
    names.add(policy.name)
  })
}

/** What `app.createRateLimiter()` takes. */
export const LIMITER_SHAPE: OptionShape = {
  ...LIMIT_SHAPE,
  policies,
  countDenied: boolean,
  allowList,
  groupId: name
}

/** What `app.rateLimit()` takes. */
export const HOOK_SHAPE: OptionShape = {
  ...LIMITER_SHAPE,
  mode: oneOf('enforce', 'shadow'),
  headers: oneOf('draft', 'legacy', false)
}

/** What a route takes. */
export const BUDGET_SHAPE: OptionShape = {
  ...HOOK_SHAPE,
  hook: oneOf('onRequest', 'preParsing', 'preValidation', 'preHandler')
}

/**
 * Lays a route's options over the plugin's.
 *
 * @param place names the route's options in errors
 * @param shape those that are known there
 * @throws UnknownOptionError, InvalidOptionError
 */
export function resolveRouteOptions(
  plugin: LimitOptions,
  given: unknown,
  place: string,
  shape: OptionShape = BUDGET_SHAPE
): LimitOptions {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    const expected = `an object of options${shape === BUDGET_SHAPE ? ' or false' : ''}`
    throw new InvalidOptionError(place, expected, describe(given))
  }
  checkOptions(place, given, shape)
  return Object.freeze(layOver(plugin, given, place))
}

/** What is given, and of the base what is not. */
export function layOver(
  base: LimitOptions,
  given: RateLimitRouteOptions,
  place: string
): LimitOptions {
  const merged: LimitOptions = {
    ...base,
    ...withoutUndefined(given),
    timeWindow: milliseconds(given.timeWindow ?? base.timeWindow),
    burst: burstOf(base, given),
    policies: policiesOf(base, given, place),
    allowList: listed(given.allowList ?? base.allowList),
    // A group is stated by its members.
    groupId: given.groupId
  }
  limitsOf(merged, '').forEach((limit, index) => {
    checkTogether(limit, merged.policies === undefined ? place : `${place}.policies[${index}]`)
  })
  return merged
}

/** Either policies or a limit: whoever gives the one means it in place of the other. */
function policiesOf(
  base: LimitOptions,
  given: RateLimitRouteOptions,
  place: string
): readonly RateLimitPolicy[] | undefined {
  const stated = (['max', 'timeWindow', 'burst'] as const).find((part) => given[part] !== undefined)
  if (stated === undefined) return given.policies ?? base.policies
  if (given.policies !== undefined) {
    const expected = 'left out where there are policies, which have their own'
    throw new InvalidOptionError(`${place}.${stated}`, expected, describe(given[stated]))
  }
  if (base.policies !== undefined && given.max === undefined) {
    const expected = `given with ${stated}, in place of the plugin's policies`
    throw new InvalidOptionError(`${place}.max`, expected, 'left out')
  }
  return undefined
}

/** A burst belongs to the max and the algorithm it was given with: a route that lowers max means it. */
function burstOf(base: LimitOptions, given: RateLimitRouteOptions): number | undefined {
  if (given.burst !== undefined || given.max !== undefined) return given.burst
  const same = given.algorithm === undefined || given.algorithm === base.algorithm
  return same ? base.burst : undefined
}

function withoutUndefined(given: object): object {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
}

/** What each option by itself may be, but not together with the others. */
function checkTogether(options: PolicyOptions, place: string): void {
  const { max, algorithm, strict, burst } = options
  if (algorithm !== 'token-bucket') {
    const why = `where the algorithm is "${algorithm}"`
    if (strict) throw new InvalidOptionError(`${place}.strict`, `false ${why}`, 'true')
    if (burst !== undefined) {
      throw new InvalidOptionError(`${place}.burst`, `left out ${why}`, describe(burst))
    }
    if (typeof max === 'number' && max > MOST_IN_A_WINDOW) {
      const expected = `a whole number of at most ${MOST_IN_A_WINDOW} ${why}`
      throw new InvalidOptionError(`${place}.max`, expected, describe(max))
    }
  }
  checkCost(options, place)
  if (strict && burst !== undefined && typeof max === 'number' && burst > Math.max(1, max)) {
    const expected = `at most max, ${max}, where the limit is strict`
    throw new InvalidOptionError(`${place}.burst`, expected, describe(burst))
  }
}

/** A request that costs more than is ever there at once would be denied for ever. */
function checkCost(options: PolicyOptions, place: string): void {
  const { max, cost, timeWindow } = options
  if (typeof max !== 'number' || max === 0 || typeof cost !== 'number') return
  const window = typeof timeWindow === 'number' ? timeWindow : 1
  const { capacity } = policyOf('', { ...options, max, timeWindow: window }).algorithm
  if (cost <= capacity) return
  const expected = `at most ${capacity}, which is all that is ever there at once`
  throw new InvalidOptionError(`${place}.cost`, expected, describe(cost))
}

function listed(
  allowList: readonly string[] | AddressList | AllowFunction
): AddressList | AllowFunction {
  if (typeof allowList === 'function' || allowList instanceof AddressList) return allowList
  return new AddressList(allowList)
}
