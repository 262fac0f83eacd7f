/**
 * The mistakes in options that are right by themselves, but not together: what cannot be, and what
 * would have no effect.
 */
import { describe, InvalidOptionError } from '@holdfast/core/options'
import {
  type LimitOptions,
  MAX_WINDOW_COUNT,
  type PolicyOptions,
  policiesOf,
  type RateLimitRouteOptions
} from './limit-options.ts'
import { policyOf } from './policy.ts'

/**
 * Checks the options of a limit together.
 *
 * @param merged the options with those of the plugin, which apply where none is given
 * @param given the options as a user wrote them
 * @throws InvalidOptionError
 */
export function checkTogether(
  merged: LimitOptions,
  given: RateLimitRouteOptions,
  optionPath: string
): void {
  const policies = policiesOf(merged, '')
  policies.forEach((policy, index) => {
    const isOne = merged.policies === undefined
    checkPolicy(policy, isOne ? optionPath : `${optionPath}.policies[${index}]`)
  })
  if (merged.countDenied && policies.every(({ algorithm }) => algorithm === 'fixed-window')) {
    const expected = 'false where the algorithm is "fixed-window", which ends when it ends'
    throw new InvalidOptionError(`${optionPath}.countDenied`, expected, 'true')
  }
  checkClients(merged, given, optionPath)
}

/** A policy that no option of the plugin can change any more. */
function checkPolicy(options: PolicyOptions, optionPath: string): void {
  const { max, algorithm, strict, burst } = options
  if (algorithm !== 'token-bucket') {
    const why = `where the algorithm is "${algorithm}"`
    if (strict) throw new InvalidOptionError(`${optionPath}.strict`, `false ${why}`, 'true')
    if (burst !== undefined) {
      throw new InvalidOptionError(`${optionPath}.burst`, `left out ${why}`, describe(burst))
    }
    if (typeof max === 'number' && max > MAX_WINDOW_COUNT) {
      const expected = `a whole number of at most ${MAX_WINDOW_COUNT} ${why}`
      throw new InvalidOptionError(`${optionPath}.max`, expected, describe(max))
    }
  }
  checkCost(options, optionPath)
  if (strict && burst !== undefined && typeof max === 'number' && burst > Math.max(1, max)) {
    const expected = `at most max, ${max}, where the limit is strict`
    throw new InvalidOptionError(`${optionPath}.burst`, expected, describe(burst))
  }
}

/** A request that costs more than is ever there at once would be denied for ever. */
function checkCost(options: PolicyOptions, optionPath: string): void {
  const { max, cost, timeWindow } = options
  if (typeof max !== 'number' || max === 0 || typeof cost !== 'number') return
  const window = typeof timeWindow === 'number' ? timeWindow : 1
  const { capacity } = policyOf('', { ...options, max, timeWindow: window }).algorithm
  if (cost <= capacity) return
  const expected = `at most ${capacity}, which is all that is ever there at once`
  throw new InvalidOptionError(`${optionPath}.cost`, expected, describe(cost))
}

/** An address tells clients apart only where no `keyGenerator` does. */
function checkClients(
  { keyGenerator }: LimitOptions,
  given: RateLimitRouteOptions,
  optionPath: string
): void {
  const refuse = (path: string, ipv6Subnet: number | undefined): void => {
    if (ipv6Subnet === undefined) return
    const expected =
      'left out where a keyGenerator names the client; it can use clientKey(request.ip, bits)'
    throw new InvalidOptionError(`${path}.ipv6Subnet`, expected, describe(ipv6Subnet))
  }
  if (keyGenerator !== undefined) refuse(optionPath, given.ipv6Subnet)
  given.policies?.forEach((policy, index) => {
    if ((policy.keyGenerator ?? keyGenerator) !== undefined) {
      refuse(`${optionPath}.policies[${index}]`, policy.ipv6Subnet)
    }
  })
}

/** The options of a limit that its policies may have themselves. */
const POLICY_DEFAULTS = ['algorithm', 'strict', 'cost', 'keyGenerator', 'ipv6Subnet'] as const

/**
 * Refuses an option of a route, a hook or a limiter that none of its policies needs. Those of the
 * plugin may be meant for routes.
 *
 * @throws InvalidOptionError
 */
export function checkPolicyDefaults(given: RateLimitRouteOptions, optionPath: string): void {
  const { policies } = given
  if (policies === undefined) return
  for (const option of POLICY_DEFAULTS) {
    const value = given[option]
    if (value === undefined || policies.some((policy) => policy[option] === undefined)) continue
    const expected = 'left out where every policy has its own'
    throw new InvalidOptionError(`${optionPath}.${option}`, expected, describe(value))
  }
}

/**
 * The windows below a second that were written without a unit, each with the remedy as a sentence:
 * `timeWindow: 60` are milliseconds, and may be meant as seconds.
 */
export function windowsWithoutUnit(
  given: RateLimitRouteOptions,
  optionPath: string
): readonly string[] {
  const windows: [path: string, window: unknown][] = [[optionPath, given.timeWindow]]
  given.policies?.forEach(({ timeWindow }, index) => {
    windows.push([`${optionPath}.policies[${index}]`, timeWindow])
  })
  return windows
    .filter(([, window]) => /^\s*[\d.]+\s*$/.test(String(window)) && Number(window) < 1000)
    .map(([path, window]) => {
      const number = String(window).trim()
      return `${path}.timeWindow is ${number} ms, because a number without a unit means milliseconds. Write '${number}s' for seconds, or '${number}ms' if it is meant so.`
    })
}
