/**
 * Reads the state of a service.
 */
import type { ServerResponse } from 'node:http'
import { factsOf, monotonicClock, routeConfig, routedRequest } from '@holdfast/core'
import type { Checks } from '../checks.ts'
import type { Phases } from '../phases.ts'
import type { LifecycleState, RouteInFlight } from '../state.ts'
import type { Sensor } from './pressure.ts'
import type { Service } from './service.ts'

/** Who knows what the state tells. */
export interface StateSources {
  readonly phases: Phases
  readonly service: Service
  readonly sensor: Sensor
  readonly checks: Checks
}

/** The state of a service at this moment. */
export function stateOf({ phases, service, sensor, checks }: StateSources): LifecycleState {
  const { inFlight, tasks } = service
  const health = checks.health
  return {
    phase: phases.current,
    lasted: Math.round(phases.lasted),
    health: health.status,
    checks: health.checks,
    inFlight: inFlight.count,
    routes: byRoute(inFlight, monotonicClock()),
    tasks: tasks.count,
    pressure: sensor.pressure
  }
}

/** Groups requests, which come with the oldest first. */
function byRoute(responses: Iterable<ServerResponse>, now: number): RouteInFlight[] {
  const routes = new Map<string | undefined, { count: number; readonly oldest: number }>()
  for (const { req } of responses) {
    const route = routeOf(req)
    const known = routes.get(route)
    if (known !== undefined) known.count++
    else routes.set(route, { count: 1, oldest: Math.round(now - factsOf(req).startedAt) })
  }
  return Array.from(routes, ([route, { count, oldest }]) => ({ route, count, oldest }))
}

function routeOf(raw: ServerResponse['req']): string | undefined {
  const request = routedRequest(raw)
  // A handler for 404s has no URL, and the requested one cannot be a name: clients choose it.
  const url = request && routeConfig(request).url
  return url && `${raw.method} ${url}`
}
