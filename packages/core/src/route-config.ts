/**
 * What a route says to the suite as a whole, under `config.holdfast`.
 */
import type { FastifyContextConfig } from 'fastify'
import { boolean } from './check.ts'
import { shape } from './option-shape.ts'

/** What the suite as a whole is told of a route, in its `config.holdfast`. */
export interface HoldfastRouteConfig {
  /** The route asks after the service itself: limiter, shedder and log leave it alone. @default false */
  readonly probe?: boolean | undefined
}

declare module 'fastify' {
  interface FastifyContextConfig {
    holdfast?: HoldfastRouteConfig | undefined
  }
}

const check = shape({ probe: boolean })

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
