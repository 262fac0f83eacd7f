/**
 * The page as routes of an app.
 */
import type { FastifyInstance, onRequestHookHandler } from 'fastify'
import type { PageServer } from './page-server.ts'

/**
 * Adds a route for each path of the page. They are probes: neither limited, refused nor logged, and
 * lifecycle does not wait for them.
 *
 * @param prefix of the page, without a slash at its end
 * @param onRequest runs before each of them
 */
export function addRoutes(
  app: FastifyInstance,
  page: PageServer,
  prefix: string,
  onRequest: readonly onRequestHookHandler[]
): void {
  const shared = {
    method: ['GET' as const],
    exposeHeadRoute: true,
    config: { holdfast: { probe: true } },
    onRequest: [...onRequest]
  }
  for (const path of page.paths) {
    app.route({
      ...shared,
      url: `${prefix}/${path}`,
      handler: (request, reply) => {
        reply.hijack()
        page.answer(request.raw, reply.raw, path)
      }
    })
  }
  if (prefix === '') return
  const name = prefix.slice(prefix.lastIndexOf('/') + 1)
  app.route({
    ...shared,
    url: prefix,
    // Relative: a proxy may know the page under another prefix.
    handler: (_request, reply) => reply.redirect(`${name}/`, 308)
  })
}
