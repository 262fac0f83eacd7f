/**
 * Plugins that write header fields on every answer, where they are registered behind a plugin that
 * refuses: its refusals lack these fields, and a browser hides such an answer from the page's script.
 */
import type { FastifyInstance } from 'fastify'
import { scopesOf } from './fastify-internals.ts'
import type { GuardedLog } from './guarded-log.ts'

/** By the names that they tell Fastify. */
const HEADER_PLUGINS = ['@fastify/cors', '@fastify/helmet']

/** The plugins that were warned of, by server: one warning each is enough. */
const warnedOf = new WeakMap<object, Set<string>>()

/**
 * Warns when the app is ready of those that were registered after this call, on the instance or in a
 * scope of it.
 *
 * @param name the plugin that refuses
 */
export function warnOfLateHeaders(app: FastifyInstance, name: string, log: GuardedLog): void {
  const missing = HEADER_PLUGINS.filter((plugin) => !app.hasPlugin(plugin))
  app.addHook('onReady', async () => {
    const warned = warnedOf.get(app.server) ?? new Set()
    warnedOf.set(app.server, warned)
    for (const plugin of missing) {
      const place = placeOf(plugin, app)
      if (place === undefined || warned.has(plugin)) continue
      warned.add(plugin)
      log.warn(
        `${plugin} is registered after ${name}${place}: refusals go out without its header fields, and a browser hides them from the page's script. Register ${plugin} before it, on the same instance.`
      )
    }
  })
}

/** Where the plugin is, as text that may be empty; `undefined` when it is nowhere. */
function placeOf(plugin: string, app: FastifyInstance, place = ''): string | undefined {
  if (app.hasPlugin(plugin)) return place
  for (const scope of scopesOf(app)) {
    const found = placeOf(plugin, scope, `, in the scope "${scope.prefix}"`)
    if (found !== undefined) return found
  }
  return undefined
}
