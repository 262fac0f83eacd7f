/**
 * Wires the console into Fastify.
 */
import type { AddressInfo } from 'node:net'
import { enlist, guardedLog, mountAdmin, pathOf } from '@holdfast/core'
import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import { readAssets } from './edges/assets.ts'
import { PageServer } from './edges/page-server.ts'
import { addRoutes } from './edges/routes.ts'
import { viewersOf } from './edges/watched-app.ts'
import { HostList } from './host-list.ts'
import { type ConsoleOptions, resolveOptions } from './options.ts'
import type { ConsoleView } from './view.ts'

declare module 'fastify' {
  interface FastifyInstance<RawServer, RawRequest, RawReply, Logger, TypeProvider> {
    /** The page that shows what the plugins do. */
    readonly holdfastConsole: ConsoleView
  }
}

async function wire(app: FastifyInstance, given: ConsoleOptions): Promise<void> {
  enlist(app, '@holdfast/console', { decorators: ['holdfastConsole'] })
  const { listen, prefix, onRequest, of, hosts, origins } = resolveOptions(app, given)
  const viewers = viewersOf(of ?? app)
  const page = new PageServer({
    assets: await readAssets(),
    viewers,
    hosts: new HostList(hosts, origins),
    origins
  })
  let urlOf = (): string | undefined => undefined
  if (listen === undefined) {
    addRoutes(app, page, prefix, onRequest)
    // A stream never ends by itself, and the close waits for what is in flight.
    app.addHook('preClose', async () => viewers.end())
  } else {
    const listener = mountAdmin(
      app,
      { ...listen, hosts },
      {
        path: '/',
        handle: (request, response) => {
          page.answer(request, response, pathOf(String(request.url), false).slice(1))
        }
      },
      'holdfastConsole.listen'
    )
    urlOf = () => urlAt(listener.address)
    // Added after the listener's own it runs before it: the pages are told that this is the end.
    app.addHook('onClose', async () => viewers.end())
    const log = guardedLog(app.log)
    app.addHook('onReady', async () => log.info(`The console is at ${urlOf()}`))
  }
  app.decorate('holdfastConsole', {
    get url() {
      return urlOf()
    },
    get viewers() {
      return viewers.count
    }
  })
}

/** Where a browser of this machine finds the page, whatever address it listens on. */
function urlAt(address: AddressInfo | undefined): string | undefined {
  if (address === undefined) return undefined
  const { address: host, family, port } = address
  const name = host === '0.0.0.0' || host === '::' ? 'localhost' : host
  return `http://${family === 'IPv6' && name === host ? `[${name}]` : name}:${port}/`
}

/**
 * A live page of what the Holdfast plugins of the process do, read-only, see {@link ConsoleOptions}.
 *
 * @throws UnknownOptionError, InvalidOptionError, RegisteredTwiceError, PageMissingError when the app
 *   boots; and what its listener throws where its port is taken
 */
export const holdfastConsole: FastifyPluginAsync<ConsoleOptions> = fp(wire, {
  name: '@holdfast/console',
  fastify: '5.x'
})
