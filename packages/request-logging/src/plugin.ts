/**
 * Wires the log into Fastify: it takes every request in, notes what Fastify makes of it, and writes
 * its line when it settles.
 */
import { enlist, hookNames, intake, isRoot } from '@holdfast/core'
import type { FastifyInstance, FastifyPluginAsync, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { warnOfDoubleLogging } from './edges/double-logging.ts'
import { entryOf } from './edges/entry.ts'
import { RequestLog } from './edges/request-log.ts'
import { addFields, type LogFields } from './fields.ts'
import {
  checkRouteOptions,
  type RequestLoggingOptions,
  type RequestLoggingRouteOptions,
  resolveRequestLoggingOptions
} from './options.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /**
     * Adds fields to the line of this request. Of two with the same name the later stands; the
     * names of the line's own fields are left out. Without effect once the line is written.
     */
    addLogFields(fields: LogFields): void
  }
  interface FastifyContextConfig {
    /** What becomes of the lines of this route; `false` writes none, whatever happens. */
    requestLogging?: RequestLoggingRouteOptions | false
  }
}

const plugin: FastifyPluginAsync<RequestLoggingOptions> = async (app, given) => {
  enlist(app, '@holdfast/request-logging')
  const options = resolveRequestLoggingOptions(given)
  const log = new RequestLog(options, options.logger ?? app.log, hasSemicolonQueries(app))

  const earlier = hookNames(app, 'onRequest').filter(
    (name) => name !== 'holdfastIntake' && !(name === 'holdfastLifecycle' && options.silentProbes)
  )
  // A scope sees its own requests only; what is never routed belongs to the root.
  if (isRoot(app)) {
    intake(app, {
      request: (raw, response) => {
        log.follow(raw, response)
      },
      tunnel: (raw, socket) => log.followTunnel(raw, socket),
      malformed: (error, socket) => log.malformed(error, socket)
    })
  }

  app.addHook('onRequest', function holdfastRequestLogging(request, reply, done) {
    log.note(request, reply)
    done()
  })
  if (earlier.length > 0) {
    // Such a hook may answer, and then the one above never runs. (Lifecycle's answers probes only,
    // of which nothing is written unless asked for.)
    app.addHook('onSend', function holdfastRequestLoggingLate(request, reply, _payload, done) {
      log.note(request, reply)
      done()
    })
  }
  app.addHook('onError', function holdfastRequestLoggingError(request, reply, error, done) {
    log.note(request, reply).error = error
    done()
  })
  app.addHook('onRoute', ({ method, url, config }) => {
    if (config?.requestLogging !== undefined) {
      checkRouteOptions(config.requestLogging, `${method} ${url}`)
    }
  })
  if (!app.hasRequestDecorator('addLogFields')) {
    app.decorateRequest('addLogFields', function addLogFields(this: FastifyRequest, fields) {
      const entry = entryOf(this.raw)
      entry.fields ??= {}
      addFields(entry.fields, fields)
    })
  }
  app.addHook('onReady', async () => {
    warnOfDoubleLogging(app)
  })
}

/** Fastify's `useSemicolonDelimiter`, in its old place and its new one. */
function hasSemicolonQueries({ initialConfig }: FastifyInstance): boolean {
  const { useSemicolonDelimiter, routerOptions = {} } = initialConfig
  if ('useSemicolonDelimiter' in routerOptions) return routerOptions.useSemicolonDelimiter === true
  return useSemicolonDelimiter === true
}

/** Writes exactly one line for every request, whatever became of it. */
export const requestLogging: FastifyPluginAsync<RequestLoggingOptions> = fp(plugin, {
  name: '@holdfast/request-logging',
  fastify: '5.x'
})
