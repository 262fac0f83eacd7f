/**
 * The options of a plugin that a user gave a route in a place where they have no effect.
 */
import type { RouteOptions } from 'fastify'
import { mistakesIn } from './closest-name.ts'
import { MisplacedRouteOptionError } from './errors.ts'

/** More mistakes than this, and it is another name. */
const MAX_MISTAKES = 2

/**
 * Refuses a route with a misspelt name in its `config`, or with the name beside `config`. Call it in
 * an `onRoute` hook. Names that go on after the right one (`rateLimiter`) are names of their own.
 *
 * @param option the plugin's name in `config`: `'rateLimit'`
 * @throws MisplacedRouteOptionError
 */
export function checkRouteOption(
  route: Pick<RouteOptions, 'method' | 'url' | 'config'>,
  option: string
): void {
  const config = route.config ?? {}
  const misspelt = Object.keys(config).find((name) => isMisspelt(name, option))
  if (misspelt !== undefined && !Object.hasOwn(config, option)) {
    throw misplaced(route, `config.${misspelt}`, option)
  }
  if (Object.hasOwn(route, option)) throw misplaced(route, `${option} beside config`, option)
}

function isMisspelt(name: string, option: string): boolean {
  return name !== option && !name.startsWith(option) && mistakesIn(name, option) <= MAX_MISTAKES
}

function misplaced(
  { method, url }: Pick<RouteOptions, 'method' | 'url'>,
  place: string,
  option: string
): Error {
  return new MisplacedRouteOptionError(`${method} ${url}`, place, option)
}
