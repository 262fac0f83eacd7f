/**
 * Sets on a booting app's servers what belongs to its timeouts and was not given to `Fastify(...)`.
 */
import { furtherServers, type GuardedLog } from '@holdfast/core'
import type { FastifyInstance } from 'fastify'
import {
  type Completion,
  complete,
  idleConflict,
  type MissingTime,
  type ServerTimes,
  type Timeouts
} from '../timeouts.ts'

/**
 * Completes the servers of an app, and says what it could not set.
 *
 * @param wanted what to set where the user set nothing; `undefined`: touch nothing
 * @param proxyIdle how long the proxy in front keeps idle connections
 */
export function completeTimeouts(
  app: FastifyInstance,
  log: GuardedLog,
  wanted: Timeouts | undefined,
  proxyIdle: number | undefined
): void {
  const apply = (server: object, listening: boolean): Completion => {
    if (wanted === undefined) return { set: {}, missing: [] }
    const completion = complete(server as ServerTimes, app.initialConfig, wanted, listening)
    Object.assign(server, completion.set)
    return completion
  }
  const warn = (missing: readonly MissingTime[]): void => {
    if (missing.length === 0) return
    log.warn(
      `@holdfast/lifecycle cannot set any more: ${missing.map(({ text }) => text).join('; ')}. Give Fastify(...) the options of serverTimeouts(), or this plugin the option timeouts: false.`
    )
  }

  app.addHook('onReady', async () => {
    const { set, missing } = apply(app.server, false)
    if (Object.keys(set).length > 0) {
      log.info(set, '@holdfast/lifecycle has set timeouts that Fastify(...) was not given')
    }
    warn(missing)
    if (proxyIdle === undefined) return
    const { keepAliveTimeout = Number(app.initialConfig.http2SessionTimeout) } = app.server
    const conflict = idleConflict(keepAliveTimeout, proxyIdle)
    if (conflict !== undefined) log.warn(`@holdfast/lifecycle: ${conflict}`)
  })
  app.addHook('onListen', async () => {
    const [first] = furtherServers(app).map((server) => apply(server, true))
    // They are all alike, and what the whole app lacks was said at the end of the boot.
    warn((first?.missing ?? []).filter(({ scope }) => scope === 'further addresses'))
  })
}
