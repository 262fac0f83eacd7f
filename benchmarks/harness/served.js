/**
 * A variant that serves HTTP in a process of its own.
 *
 * @typedef {{ child: import('./child.js').Child, url: string, headers: Record<string, string>, cpu(): Promise<NodeJS.CpuUsage> }} Served
 *   `cpu` tells the microseconds that the process took so far
 */
import { fileURLToPath } from 'node:url'
import { startChild } from './child.js'

const script = fileURLToPath(new URL('http-server.js', import.meta.url))

/**
 * @param {string} modulePath absolute path of the module that exports `variants`
 * @param {string} variant
 * @returns {Promise<Served>}
 */
export async function serve(modulePath, variant) {
  const child = await startChild([script, modulePath, variant])
  const { port, url, headers } = child.hello
  return {
    child,
    url: `http://127.0.0.1:${port}${url}`,
    headers: /** @type {Record<string, string>} */ (headers),
    cpu: async () => {
      const { user, system } = await child.ask('cpu?')
      return { user: Number(user), system: Number(system) }
    }
  }
}
