/**
 * What a request may pass on its way: bare Fastify, each of our plugins, and the peers they are
 * measured beside. Every variant answers GET / with the same body.
 */

import { openSync, writeSync } from 'node:fs'
import { createRequire } from 'node:module'
import fastifyCircuitBreaker from '@fastify/circuit-breaker'
import FastifyOtel from '@fastify/otel'
import underPressure from '@fastify/under-pressure'
import { circuitBreaker } from '@holdfast/circuit-breaker'
import { lifecycle } from '@holdfast/lifecycle'
import { loadShedding } from '@holdfast/load-shedding'
import { rateLimit } from '@holdfast/rate-limit'
import { requestLogging } from '@holdfast/request-logging'
import { logController } from '@holdfast/request-logging/log-controller'
import { telemetry } from '@holdfast/telemetry'
import { context, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { BasicTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import closeWithGrace from 'close-with-grace'
import Fastify from 'fastify'
import fastifyMetrics from 'fastify-metrics'
import holdfast from 'holdfast'
import { pino } from 'pino'
import { pinoHttp } from 'pino-http'
import { onRequestPath } from './names.js'

// Not imported: its types would speak for those of our own drop-in.
const fastifyRateLimit = createRequire(import.meta.url)('@fastify/rate-limit')

/** @typedef {import('../harness/in-process.js').Variant} Variant */

const body = { hello: 'world' }
const PLENTY = 1e9

/** A sink that counts lines and writes them to nowhere, synchronously, as pino does by default. */
function countingSink() {
  const file = openSync('/dev/null', 'w')
  let lines = 0
  return {
    lines: () => lines,
    stream: {
      /** @param {string} line */
      write(line) {
        lines++
        writeSync(file, line)
      }
    }
  }
}

/** @param {import('fastify').FastifyInstance} app @param {object} [config] */
function answering(app, config = {}) {
  app.get('/', { config }, (_request, reply) => {
    reply.send(body)
  })
  return app
}

/** @param {number} lines written @param {number} expected */
function assertLines(lines, expected) {
  if (lines !== expected) throw new Error(`${expected} lines expected, ${lines} written`)
}

/** Traces every request, and exports to nowhere. @param {import('fastify').FastifyInstance} app */
async function registerOtel(app) {
  const exporter = {
    /** @param {unknown} _spans @param {(result: { code: number }) => void} done */
    export: (_spans, done) => done({ code: 0 }),
    shutdown: async () => {}
  }
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  trace.setGlobalTracerProvider(provider)
  await app.register(new FastifyOtel.FastifyOtelInstrumentation().plugin())
}

/** @param {string} text of the metrics @param {number} sent */
function assertMeasured(text, sent) {
  const counts = [...text.matchAll(/_duration_seconds_count\{[^}]*\} (\d+)/g)]
  const measured = counts.reduce((sum, [, count]) => sum + Number(count), 0)
  if (measured !== sent) throw new Error(`${sent} requests expected, ${measured} measured`)
}

/** @type {Record<string, Variant>} */
export const variants = {
  [onRequestPath.bare]: () => ({ app: answering(Fastify()) }),

  [onRequestPath.hook]: () => {
    const app = Fastify()
    app.addHook('onRequest', (_request, _reply, done) => done())
    return { app: answering(app) }
  },

  [onRequestPath.slowHook]: () => {
    const app = Fastify()
    app.addHook('onRequest', (_request, _reply, done) => {
      const end = process.hrtime.bigint() + 500n
      while (process.hrtime.bigint() < end);
      done()
    })
    return { app: answering(app) }
  },

  [onRequestPath.fastifyRateLimit]: async () => {
    const app = Fastify()
    await app.register(fastifyRateLimit, { max: PLENTY, timeWindow: '1 minute' })
    return { app: answering(app) }
  },

  [onRequestPath.rateLimit]: async () => {
    const app = Fastify()
    await app.register(rateLimit, { max: PLENTY, timeWindow: '1 minute' })
    return { app: answering(app) }
  },

  [onRequestPath.rateLimitWithoutHeaders]: async () => {
    const app = Fastify()
    await app.register(rateLimit, { max: PLENTY, timeWindow: '1 minute', headers: false })
    return { app: answering(app) }
  },

  [onRequestPath.rateLimitOfTenPolicies]: async () => {
    const app = Fastify()
    const policies = Array.from({ length: 10 }, (_, index) => ({
      name: `policy-${index}`,
      max: PLENTY,
      timeWindow: `${index + 1} minutes`
    }))
    await app.register(rateLimit, { policies })
    return { app: answering(app) }
  },

  [onRequestPath.fastifyRateLimitRefused]: async () => {
    const app = Fastify()
    await app.register(fastifyRateLimit, { max: 0, timeWindow: '1 hour' })
    return { app: answering(app), status: 429 }
  },

  [onRequestPath.rateLimitRefused]: async () => {
    const app = Fastify()
    // One an hour: the first of each client passes, in the warm-up.
    await app.register(rateLimit, { max: 1, timeWindow: '1 hour', keyGenerator: () => 'one' })
    return { app: answering(app), status: 429 }
  },

  [onRequestPath.fastifyCircuitBreaker]: async () => {
    const app = Fastify()
    await app.register(fastifyCircuitBreaker)
    app.after(() => {
      app.get('/', { preHandler: app.circuitBreaker() }, (_request, reply) => {
        reply.send(body)
      })
    })
    return { app }
  },

  [onRequestPath.circuitBreaker]: async () => {
    const app = Fastify()
    await app.register(circuitBreaker, {})
    return { app: answering(app, { circuitBreaker: true }) }
  },

  [onRequestPath.loadShedding]: async () => {
    const app = Fastify()
    await app.register(loadShedding)
    return { app: answering(app) }
  },

  [onRequestPath.underPressure]: async () => {
    const app = Fastify()
    await app.register(underPressure, {
      maxEventLoopDelay: 10_000,
      maxHeapUsedBytes: 2 ** 34,
      maxRssBytes: 2 ** 35,
      maxEventLoopUtilization: 1
    })
    return { app: answering(app) }
  },

  [onRequestPath.lifecycle]: async () => {
    const app = Fastify()
    await app.register(lifecycle, { signals: false })
    return { app: answering(app), verify: () => assertLines(app.lifecycle.inFlight, 0) }
  },

  [onRequestPath.fastifyLines]: () => {
    const { stream, lines } = countingSink()
    const app = Fastify({ logger: { stream } })
    return { app: answering(app), verify: (sent) => assertLines(lines(), 2 * sent) }
  },

  [onRequestPath.noLines]: () => {
    const { stream } = countingSink()
    return { app: answering(Fastify({ logger: { stream }, logController: logController() })) }
  },

  [onRequestPath.pinoHttpOfFields]: () => {
    const { stream, lines } = countingSink()
    const log = pinoHttp(
      {
        quietReqLogger: true,
        quietResLogger: true,
        customSuccessObject: (request, response, value) => ({
          id: request.id,
          method: request.method,
          route: '/',
          path: request.url,
          status: response.statusCode,
          outcome: 'ok',
          duration: value.responseTime,
          bytesOut: response.getHeader('content-length'),
          client: request.socket.remoteAddress
        })
      },
      /** @type {import('pino').DestinationStream} */ (stream)
    )
    const app = Fastify()
    app.addHook('onRequest', (request, reply, done) => {
      log(request.raw, reply.raw)
      done()
    })
    return { app: answering(app), verify: (sent) => assertLines(lines(), sent) }
  },

  [onRequestPath.pinoHttp]: () => {
    const { stream, lines } = countingSink()
    const log = pinoHttp({}, /** @type {import('pino').DestinationStream} */ (stream))
    const app = Fastify()
    app.addHook('onRequest', (request, reply, done) => {
      log(request.raw, reply.raw)
      done()
    })
    return { app: answering(app), verify: (sent) => assertLines(lines(), sent) }
  },

  [onRequestPath.requestLogging]: async () => {
    const { stream, lines } = countingSink()
    const app = Fastify({ logger: { stream }, logController: logController() })
    await app.register(requestLogging, {})
    return { app: answering(app), verify: (sent) => assertLines(lines(), sent) }
  },

  [onRequestPath.requestLoggingUnwritten]: async () => {
    let lines = 0
    const stream = { write: () => void lines++ }
    const app = Fastify({ logger: { stream }, logController: logController() })
    await app.register(requestLogging, {})
    return { app: answering(app), verify: (sent) => assertLines(lines, sent) }
  },

  [onRequestPath.requestLoggingSampledOut]: async () => {
    const { stream, lines } = countingSink()
    const app = Fastify({ logger: { stream }, logController: logController() })
    await app.register(requestLogging, { sample: 0, slow: false })
    return { app: answering(app), verify: () => assertLines(lines(), 0) }
  },

  [onRequestPath.requestLoggingAlone]: async () => {
    const { stream, lines } = countingSink()
    const app = Fastify()
    await app.register(requestLogging, {
      logger: pino({}, /** @type {import("pino").DestinationStream} */ (stream))
    })
    return { app: answering(app), verify: (sent) => assertLines(lines(), sent) }
  },

  [onRequestPath.peers]: async () => {
    const { stream, lines } = countingSink()
    const log = pinoHttp({}, /** @type {import('pino').DestinationStream} */ (stream))
    const app = Fastify()
    app.addHook('onRequest', (request, reply, done) => {
      log(request.raw, reply.raw)
      done()
    })
    await app.register(fastifyRateLimit, { max: PLENTY, timeWindow: '1 minute' })
    await app.register(fastifyCircuitBreaker)
    await app.register(underPressure, {
      maxEventLoopDelay: 10_000,
      maxHeapUsedBytes: 2 ** 34,
      maxRssBytes: 2 ** 35,
      maxEventLoopUtilization: 1
    })
    app.get('/', { preHandler: app.circuitBreaker() }, (_request, reply) => {
      reply.send(body)
    })
    closeWithGrace(() => app.close())
    return { app, verify: (sent) => assertLines(lines(), sent) }
  },

  [onRequestPath.telemetry]: async () => {
    const app = Fastify()
    await app.register(telemetry, { openTelemetry: false, spanAttributes: false })
    return { app: answering(app), verify: (sent) => assertMeasured(app.telemetry.text(), sent) }
  },

  [onRequestPath.fastifyMetrics]: async () => {
    const app = Fastify()
    await app.register(fastifyMetrics.default, { endpoint: '/metrics' })
    return { app: answering(app) }
  },

  [onRequestPath.fastifyOtel]: async () => {
    const app = Fastify()
    await registerOtel(app)
    return { app: answering(app) }
  },

  [onRequestPath.peersWithTelemetry]: async () => {
    const { stream, lines } = countingSink()
    const log = pinoHttp({}, /** @type {import('pino').DestinationStream} */ (stream))
    const app = Fastify()
    await registerOtel(app)
    await app.register(fastifyMetrics.default, { endpoint: '/metrics' })
    app.addHook('onRequest', (request, reply, done) => {
      log(request.raw, reply.raw)
      done()
    })
    await app.register(fastifyRateLimit, { max: PLENTY, timeWindow: '1 minute' })
    await app.register(fastifyCircuitBreaker)
    await app.register(underPressure, {
      maxEventLoopDelay: 10_000,
      maxHeapUsedBytes: 2 ** 34,
      maxRssBytes: 2 ** 35,
      maxEventLoopUtilization: 1
    })
    app.get('/', { preHandler: app.circuitBreaker() }, (_request, reply) => {
      reply.send(body)
    })
    closeWithGrace(() => app.close())
    return { app, verify: (sent) => assertLines(lines(), sent) }
  },

  [onRequestPath.suiteWithTelemetry]: async () => {
    const { stream, lines } = countingSink()
    const app = Fastify({ logger: { stream }, logController: logController() })
    await app.register(holdfast, {
      lifecycle: { signals: false, timeouts: false },
      rateLimit: { max: PLENTY, timeWindow: '1 minute' },
      telemetry: {}
    })
    return {
      app: answering(app, { circuitBreaker: true }),
      verify: (sent) => {
        assertLines(lines(), sent)
        assertMeasured(app.telemetry.text(), sent)
      }
    }
  },

  [onRequestPath.suiteWithoutLine]: async () => {
    const app = Fastify()
    await app.register(holdfast, {
      lifecycle: { signals: false, timeouts: false },
      requestLogging: false,
      rateLimit: { max: PLENTY, timeWindow: '1 minute' }
    })
    return { app: answering(app, { circuitBreaker: true }) }
  },

  [onRequestPath.suite]: async () => {
    const { stream, lines } = countingSink()
    const app = Fastify({ logger: { stream }, logController: logController() })
    await app.register(holdfast, {
      lifecycle: { signals: false, timeouts: false },
      rateLimit: { max: PLENTY, timeWindow: '1 minute' }
    })
    return {
      app: answering(app, { circuitBreaker: true }),
      verify: (sent) => assertLines(lines(), sent)
    }
  }
}
