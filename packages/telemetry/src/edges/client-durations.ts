/**
 * Measures outgoing calls, as `@holdfast/outgoing` tells of them on its channel. Nobody is told where no
 * telemetry is registered.
 */
import { statesOf, subscribe } from '@holdfast/core'
import type { FastifyInstance } from 'fastify'
import type { ClientSeries, EndedTry } from '../client-series.ts'
import type { ReadStates } from '../read-states.ts'

type Registrations = NonNullable<ReadStates['@holdfast/outgoing']>

/** Not declared here: who has outgoing has its types, and two of them would not agree. */
const TRY = 'holdfast:outgoing:try' as never

/**
 * Records the tries of an app until it closes. The channel is of the process: tries of upstreams that this
 * app does not have are those of another app.
 */
export function measureTries(app: FastifyInstance, series: ClientSeries): void {
  const origins = new Map<string, string>()
  const originOf = (name: string): string | undefined => {
    const known = origins.get(name)
    if (known !== undefined) return known
    const registrations: Registrations = statesOf(app, '@holdfast/outgoing' as never)
    const upstreams = registrations.flatMap(({ state }) => state.upstreams)
    const origin = upstreams.find((upstream) => upstream.name === name)?.origin
    if (origin !== undefined) origins.set(name, origin)
    return origin
  }
  const unsubscribe = subscribe(TRY, (ended: EndedTry) => {
    const origin = originOf(ended.upstream)
    if (origin !== undefined) series.record(ended, origin)
  })
  app.addHook('onClose', async () => unsubscribe())
}
