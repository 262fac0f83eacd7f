/**
 * What a route says to the suite as a whole, under `config.holdfast`.
 */
import type { FastifyContextConfig } from 'fastify'
import { boolean, shapeOf } from './option-checks.ts'

const check = shapeOf({ probe: boolean })

/**
 * Checks a route's `config.holdfast`.
 *
 * @throws UnknownOptionError, InvalidOptionError, with the route's name
 */
export function checkHoldfastConfig(
  config: FastifyContextConfig | undefined,
  method: string | readonly string[] | undefined,
  url: string | undefined
): void {
  if (config?.holdfast === undefined) return
  check(config.holdfast, `config.holdfast of ${String(method)} ${url}`)
}
