/**
 * The checks that name a mistake in the options of a limit, and how a route's options are laid over
 * the plugin's.
 */
import { AddressList, isNetwork } from '@holdfast/core'
import {
  check,
  checkOptions,
  type Duration,
  describe,
  InvalidOptionError,
  type OptionCheck,
  type OptionShape,
  parseDuration
} from '@holdfast/core/options'
import { FOREIGN_NAMES } from './foreign-names.ts'
import { checkPolicyDefaults, checkTogether } from './limit-combinations.ts'
import {
  type AllowFunction,
  type LimitOptions,
  milliseconds,
  type RateLimitPolicy,
  type RateLimitRouteOptions
} from './limit-options.ts'

/** The largest integer of a structured field (RFC 9651, 3.3.1): clients are told the limit in one. */
const MAX_REQUESTS = 999_999_999_999_999

/** 365 days in milliseconds. Far beyond it, numbers are no longer exact. */
const MAX_WINDOW = 31_536_000_000

/** A number of requests. */
export const requests: OptionCheck = check.integer({ min: 0, max: MAX_REQUESTS })

/** The window of a limit. */
export const window: OptionCheck = (value, option) => {
  check.duration({ min: 1 })(value, option)
  // The check before leaves nothing but a duration.
  if (parseDuration(value as Duration, option) > MAX_WINDOW) {
    throw new InvalidOptionError(option, 'a duration of at most 365 days', describe(value))
  }
}

/**
 * The milliseconds of a ban.
 *
 * @throws InvalidOptionError for anything but 0 or a duration of up to 365 days
 */
export function banDuration(value: Duration, option: string): number {
  check.duration()(value, option)
  const duration = parseDuration(value, option)
  if (duration > 0) window(value, option)
  return duration
}

/** A function passes: what it returns is checked when it is called. */
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

const networks: OptionCheck = check.listOf(network)
const networksOrFunction: OptionCheck = check.either(
  'an array of IP addresses and networks, or a function',
  networks,
  check.func
)

/** A wrong member of a list is named itself. */
const allowList: OptionCheck = (value, option) => {
  const checkValue = Array.isArray(value) ? networks : networksOrFunction
  checkValue(value, option)
}

/** A name goes into a header field, which knows no other characters (RFC 9651, 3.3.3). */
const name: OptionCheck = (value, option) => {
  check.text(value, option)
  if (!/^[\x20-\x7e]{1,64}$/.test(value as string)) {
    const expected = 'text of at most 64 printable ASCII characters'
    throw new InvalidOptionError(option, expected, describe(value))
  }
}

const LIMIT_SHAPE: OptionShape = {
  max: orFunction(requests),
  timeWindow: orFunction(window),
  algorithm: check.oneOf('token-bucket', 'sliding-window', 'fixed-window'),
  burst: check.integer({ min: 1, max: MAX_REQUESTS }),
  strict: check.boolean,
  cost: orFunction(requests),
  keyGenerator: check.func,
  ipv6Subnet: check.integer({ min: 32, max: 128 })
}

const POLICY_SHAPE: OptionShape = { name, ...LIMIT_SHAPE }

/** Each policy states a limit of its own: its name, `max` and `timeWindow` have no default. */
const policies: OptionCheck = (value, option) => {
  check.listOf(check.shape(POLICY_SHAPE, FOREIGN_NAMES))(value, option)
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

/** The options of `app.createRateLimiter()`. */
export const LIMITER_SHAPE: OptionShape = {
  ...LIMIT_SHAPE,
  policies,
  countDenied: check.boolean,
  allowList,
  groupId: name
}

/** The options of `app.rateLimit()`. */
export const HOOK_SHAPE: OptionShape = {
  ...LIMITER_SHAPE,
  refundDenied: check.boolean,
  mode: check.oneOf('enforce', 'shadow'),
  headers: check.oneOf('draft', 'legacy', false)
}

/** The options of a route. */
export const ROUTE_SHAPE: OptionShape = {
  ...HOOK_SHAPE,
  hook: check.oneOf('onRequest', 'preParsing', 'preValidation', 'preHandler')
}

/**
 * Checks a route's options and lays them over the plugin's.
 *
 * @param optionPath names the route's options in errors
 * @param shape the options that are known there
 * @throws UnknownOptionError, InvalidOptionError
 */
export function resolveRouteOptions(
  plugin: LimitOptions,
  given: unknown,
  optionPath: string,
  shape: OptionShape = ROUTE_SHAPE
): LimitOptions {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    const expected = `an object of options${shape === ROUTE_SHAPE ? ' or false' : ''}`
    throw new InvalidOptionError(optionPath, expected, describe(given))
  }
  checkOptions(optionPath, given, shape, FOREIGN_NAMES)
  checkPolicyDefaults(given, optionPath)
  return Object.freeze(layOver(plugin, given, optionPath))
}

/** The given options, and those of `base` where none is given. */
export function layOver(
  base: LimitOptions,
  given: RateLimitRouteOptions,
  optionPath: string
): LimitOptions {
  const merged: LimitOptions = {
    ...base,
    ...withoutUndefined(given),
    timeWindow: milliseconds(given.timeWindow ?? base.timeWindow),
    burst: mergedBurst(base, given),
    policies: mergedPolicies(base, given, optionPath),
    allowList: addressListOf(given.allowList ?? base.allowList),
    // A group is stated by its members.
    groupId: given.groupId
  }
  checkTogether(merged, given, optionPath)
  return merged
}

/** Policies or a limit: options that give the one replace the other. */
function mergedPolicies(
  base: LimitOptions,
  given: RateLimitRouteOptions,
  optionPath: string
): readonly RateLimitPolicy[] | undefined {
  const stated = (['max', 'timeWindow', 'burst'] as const).find((part) => given[part] !== undefined)
  if (stated === undefined) return given.policies ?? base.policies
  if (given.policies !== undefined) {
    const expected = 'left out where there are policies, which have their own'
    throw new InvalidOptionError(`${optionPath}.${stated}`, expected, describe(given[stated]))
  }
  if (base.policies !== undefined && given.max === undefined) {
    const expected = `given with ${stated}, in place of the plugin's policies`
    throw new InvalidOptionError(`${optionPath}.max`, expected, 'left out')
  }
  return undefined
}

/** A burst belongs to the max and the algorithm it was given with: a route that lowers max means it. */
function mergedBurst(base: LimitOptions, given: RateLimitRouteOptions): number | undefined {
  if (given.burst !== undefined || given.max !== undefined) return given.burst
  const isSame = given.algorithm === undefined || given.algorithm === base.algorithm
  return isSame ? base.burst : undefined
}

function withoutUndefined(given: object): object {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
}

function addressListOf(
  allowList: readonly string[] | AddressList | AllowFunction
): AddressList | AllowFunction {
  if (typeof allowList === 'function' || allowList instanceof AddressList) return allowList
  return new AddressList(allowList)
}
