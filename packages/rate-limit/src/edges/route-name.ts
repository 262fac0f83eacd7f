/**
 * What routes are called: in messages, to clients, and in a store.
 */
import { inspect } from 'node:util'
import { isRouteByFastify, type routeConfig } from '@holdfast/core'
import type { FastifyRequest, RouteOptions } from 'fastify'

/** The part of a route's `config` that is read here. */
export type RouteConfig = ReturnType<typeof routeConfig>

const CONSTRAINTS: unique symbol = Symbol('holdfast.rate-limit.constraints')

/** How a route is told from others. */
export interface RouteName {
  /** The method and the path, for people. */
  readonly text: string
  /** The same with the constraints of the route, its version or host: no two routes have one. */
  readonly id: string
  /** The same for a GET route and the HEAD route made from it. */
  readonly sharedId: string
}

/**
 * Keeps the constraints of a route that is being declared in its `config`, which is all that a
 * request knows of its route.
 */
export function keepConstraints(route: RouteOptions): void {
  const constraints = textOf(route.constraints ?? {})
  if (constraints === '') return
  const config = { ...route.config, [CONSTRAINTS]: constraints }
  route.config = config
}

/** The name of a route that is being declared. */
export function declaredName({ method, url, config, constraints }: RouteOptions): RouteName {
  return nameOf({ ...config, method, url }, textOf(constraints ?? {}), false)
}

/** The name of a request's route. Unknown are the constraints of a route declared before the plugin. */
export function requestedName(config: RouteConfig, request: FastifyRequest): RouteName {
  const { [CONSTRAINTS]: constraints = '' } = config as { readonly [CONSTRAINTS]?: string }
  return nameOf(config, constraints, isRouteByFastify(request) !== false)
}

/** @param isMade whether Fastify made the route, if it is a HEAD route */
function nameOf({ method, url }: RouteConfig, constraints: string, isMade: boolean): RouteName {
  const methods = String(method).split(',')
  const own = methods.includes('GET') ? 'GET' : methods.join()
  const shared = own === 'HEAD' ? 'GET' : own
  const text = `${isMade ? shared : own} ${url}`
  return { text, id: text + constraints, sharedId: `${shared} ${url}${constraints}` }
}

function textOf(constraints: object): string {
  return Object.entries(constraints)
    .map(([name, value]) => ` ${name}=${typeof value === 'string' ? value : inspect(value)}`)
    .sort()
    .join('')
}
