/**
 * Wires the log into Fastify: notes every request and what Fastify makes of it, and has its line
 * written when it settles.
 */
import {
  checkRouteOption,
  declareFact,
  enlist,
  eventLoopDelay,
  hasSemicolonQueries,
  hooksBefore,
  INTAKE,
  intake,
  isRoot,
  keepRemoteAddresses,
  provideState
} from '@holdfast/core'
import type { FastifyPluginAsync, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { warnOfDoubleLogging } from './edges/double-logging.ts'
import { allSettled, flushed } from './edges/flush.ts'
import { openHeadWatch } from './edges/head-watch.ts'
import { logRecordOf } from './edges/log-record.ts'
import { warnOfNoLogger } from './edges/no-logger.ts'
import { findOpenTelemetry } from './edges/open-telemetry.ts'
import { mayReadContext } from './edges/pino-symbols.ts'
import { RequestBindings } from './edges/request-bindings.ts'
import { keepContexts } from './edges/request-context.ts'
import { echoId, idLabelOf, provideRequestIds } from './edges/request-ids.ts'
import { RequestLog, settled } from './edges/request-log.ts'
import type { LogFields } from './fields.ts'
import { nativeFormat } from './formats/native.ts'
import { otelFormat } from './formats/otel.ts'
import {
  checkRouteOptions,
  type RequestLoggingOptions,
  type RequestLoggingRouteOptions,
  resolveRequestLoggingOptions
} from './options.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /**
     * Adds fields to the line of this request, as they are now. The later of two with the same name
     * stands; the names of the line's own fields are left out. Texts and objects with the name of a
     * secret are written as `REDACTED`. At most 256 values and 16,384 characters are kept, and
     * 1,024 characters of one text. Never throws. Has no effect once the line is written.
     */
    addLogFields(fields: LogFields): void
  }
  interface FastifyContextConfig {
    /** The log's options for this route; `false` writes no line, whatever happens. */
    requestLogging?: RequestLoggingRouteOptions | false
  }
}

declareFact('requestLog')

const TWICE =
  'A scope made with app.register() may have its own. Where holdfast is registered, give it the options as requestLogging.'

const plugin: FastifyPluginAsync<RequestLoggingOptions> = async (app, given) => {
  enlist(app, '@holdfast/request-logging', { twice: TWICE })
  keepRemoteAddresses(app)
  const options = resolveRequestLoggingOptions(given)
  const logger = options.logger ?? app.log
  const activeSpan = await findOpenTelemetry()
  const delay = eventLoopDelay()
  const closeHeadWatch = openHeadWatch()
  const idLabel = idLabelOf(app)
  const log = new RequestLog(options, {
    logger,
    format: FORMATS[options.format](idLabel),
    bindings: new RequestBindings(app, idLabel),
    activeSpan,
    eventLoopDelay: delay,
    semicolons: hasSemicolonQueries(app)
  })
  const { requestId } = options
  const echo = requestId?.echo
  if (requestId !== undefined) provideRequestIds(app, requestId, activeSpan, options.sample)

  provideState(app, '@holdfast/request-logging', () => log.state)
  // A scope sees its own requests only; what is never routed belongs to the root.
  if (isRoot(app)) {
    intake(app, {
      request: (raw, response, record) => log.begin(raw, response, record),
      settled,
      tunnel: (raw, socket) => log.followTunnel(raw, socket),
      malformed: (error, socket) => log.malformed(error, socket)
    })
  }
  // All that the log of the root needs is known without a hook.
  const needsHook = !isRoot(app) || echo !== undefined || activeSpan !== undefined
  if (needsHook) {
    app.addHook('onRequest', function holdfastRequestLogging(request, reply, done) {
      log.note(request, reply)
      if (echo !== undefined) echoId(request, reply, echo)
      done()
    })
  }
  if (mayReadContext(logger)) keepContexts(app)
  // Lifecycle's hook answers probes only, which have no line unless the user asks for one; it stands
  // in front of all others, wherever lifecycle is registered.
  const mayAnswerBefore =
    !options.silence.probes || hooksBefore(app, [INTAKE, '@holdfast/lifecycle']).length > 0
  if (needsHook && mayAnswerBefore) {
    // Then the hook above never runs.
    app.addHook('onSend', function holdfastRequestLoggingLate(request, reply, _payload, done) {
      log.note(request, reply)
      if (echo !== undefined) echoId(request, reply, echo)
      done()
    })
  }
  app.addHook('onError', function holdfastRequestLoggingError(request, reply, error, done) {
    // Anything can be thrown. What is undefined here means that nothing was.
    log.note(request, reply).error = error ?? null
    done()
  })
  app.addHook('onRoute', (route) => {
    const { method, url, config } = route
    checkRouteOption(route, 'requestLogging')
    if (config?.requestLogging !== undefined) {
      checkRouteOptions(config.requestLogging, `${method} ${url}`)
    }
  })
  if (!app.hasRequestDecorator('addLogFields')) {
    app.decorateRequest('addLogFields', function addLogFields(this: FastifyRequest, fields) {
      const record = logRecordOf(this.raw)
      // Before any hook of the plugin ran, the plugin that put the method here has to do.
      const writer = record.writer ?? log
      writer.add(record, fields)
    })
  }
  app.addHook('onReady', async () => {
    warnOfDoubleLogging(app)
    if (options.logger === undefined) warnOfNoLogger(app)
  })
  app.addHook('onClose', async () => {
    await allSettled()
    delay.release()
    closeHeadWatch()
    await flushed(logger)
  })
}

const FORMATS = { native: nativeFormat, otel: otelFormat }

/** Writes exactly one line for every request, whatever became of it. */
export const requestLogging: FastifyPluginAsync<RequestLoggingOptions> = fp(plugin, {
  name: '@holdfast/request-logging',
  fastify: '5.x'
})
