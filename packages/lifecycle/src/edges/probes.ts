/**
 * The probes of an orchestrator, answered in the first hook so that nothing of the app's own can
 * refuse them.
 */
import {
  addFrontHook,
  checkHoldfastConfig,
  factsOf,
  type GuardedLog,
  routeConfig
} from '@holdfast/core'
import type {
  FastifyContextConfig,
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  FastifySchema
} from 'fastify'
import { messageOf } from '../error-text.ts'
import { ProbePathTakenError } from '../errors.ts'
import type { HealthPaths } from '../health-options.ts'
import {
  type Answer,
  answerLive,
  answerReady,
  answerStartup,
  type ProbeState
} from '../probe-answers.ts'

type Respond = (request: FastifyRequest, reply: FastifyReply) => void

const RESPOND: unique symbol = Symbol('holdfast.probe-answer')

interface ProbeConfig {
  [RESPOND]?: Respond
}

/** Where the probes get what they answer. */
export interface ProbeSource {
  /** Asks the checks again if need be, and resolves when that is done. */
  refresh(): Promise<unknown> | undefined
  state(): ProbeState
}

/** Adds the hook that answers probes, ours and marks those of the app, and the routes of ours. */
export function answerProbes(
  app: FastifyInstance,
  log: GuardedLog,
  paths: HealthPaths | undefined,
  source: ProbeSource
): void {
  const checked = new WeakSet<object>()
  addFrontHook(app, '@holdfast/lifecycle', function holdfastLifecycle(request, reply, done) {
    const config = routeConfig(request)
    if (config.holdfast !== undefined) {
      if (config.holdfast.probe === true) {
        factsOf(request).probe = true
        const respond = (config as ProbeConfig)[RESPOND]
        if (respond !== undefined) {
          respond(request, reply)
          return
        }
      } else if (!checked.has(config)) {
        // A route declared before the plugin was there. Its boot is over.
        checked.add(config)
        try {
          checkHoldfastConfig(config, config.method, config.url)
        } catch (error) {
          log.error({ err: error }, messageOf(error))
        }
      }
    }
    done()
  })
  if (paths === undefined) return
  keepPathsFree(app, paths)

  const addRoute = (url: string, respond: Respond): void => {
    const config: FastifyContextConfig & ProbeConfig = {
      holdfast: { probe: true },
      [RESPOND]: respond
    }
    app.route({
      method: 'GET',
      url,
      exposeHeadRoute: true,
      // One every few seconds, for ever: Fastify's own lines about them say nothing.
      logLevel: 'warn',
      // Plugins that describe an API leave it out.
      schema: { hide: true } as FastifySchema,
      config,
      handler: respond
    })
  }
  addRoute(paths.live, (request, reply) => send(request, reply, answerLive(source.state())))
  addRoute(paths.startup, (request, reply) => send(request, reply, answerStartup(source.state())))
  addRoute(paths.ready, (request, reply) => {
    const answer = (): void => send(request, reply, answerReady(source.state()))
    const refreshed = source.refresh()
    if (refreshed === undefined) answer()
    else void refreshed.then(answer)
  })
}

/**
 * Refuses routes of the app that Fastify would refuse as duplicates, in words that say what to do.
 *
 * @throws ProbePathTakenError
 */
function keepPathsFree(app: FastifyInstance, paths: HealthPaths): void {
  const options = new Map(Object.entries(paths).map(([probe, path]) => [path, `health.${probe}`]))
  for (const [url, option] of options) {
    if (app.hasRoute({ method: 'GET', url })) throw new ProbePathTakenError(url, option)
  }
  app.addHook('onRoute', function holdfastProbePaths({ method, url, config, constraints }) {
    const option = options.get(url)
    if (option === undefined || ![method].flat().includes('GET')) return
    const isOurs = (config as ProbeConfig | undefined)?.[RESPOND] !== undefined
    // A route for some hosts or versions only stands beside that of the probe.
    if (!isOurs && constraints === undefined) throw new ProbePathTakenError(url, option)
  })
}

/** As bytes: a serializer set for the app would quote text again. */
function send(request: FastifyRequest, reply: FastifyReply, answer: Answer): void {
  // The app's own timeout may have answered while a check was asked.
  if (reply.sent) return
  const verbose = /[?&]verbose(?:[=&]|$)/.test(request.url)
  reply
    .code(answer.status)
    .header(
      'content-type',
      verbose ? 'application/json; charset=utf-8' : 'text/plain; charset=utf-8'
    )
    .header('cache-control', 'no-store')
    .send(Buffer.from(verbose ? JSON.stringify(answer.details) : answer.text))
}
