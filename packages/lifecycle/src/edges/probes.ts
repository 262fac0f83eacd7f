/**
 * The probes of an orchestrator, answered in the first hook so that nothing of the app's own can
 * refuse them.
 */
import { factsOf, routeConfig } from '@holdfast/core'
import type { FastifyContextConfig, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { HealthPaths } from '../options.ts'
import type { Phase } from '../phases.ts'

type Answer = (request: FastifyRequest, reply: FastifyReply) => void

const ANSWER: unique symbol = Symbol('holdfast.probe-answer')

interface ProbeConfig {
  [ANSWER]?: Answer
}

/** Adds the hook that answers probes, ours and marks those of the app, and the routes of ours. */
export function answerProbes(
  app: FastifyInstance,
  paths: HealthPaths | undefined,
  phase: () => Phase
): void {
  app.addHook('onRequest', function holdfastLifecycle(request, reply, done) {
    const config = routeConfig(request)
    if (config.holdfast?.probe === true) {
      factsOf(request).probe = true
      const answer = (config as ProbeConfig)[ANSWER]
      if (answer !== undefined) {
        answer(request, reply)
        return
      }
    }
    done()
  })
  if (paths === undefined) return

  const addRoute = (url: string, answer: Answer): void => {
    const config: FastifyContextConfig & ProbeConfig = {
      holdfast: { probe: true },
      [ANSWER]: answer
    }
    app.route({
      method: 'GET',
      url,
      exposeHeadRoute: true,
      // One every few seconds, for ever: Fastify's own lines about them say nothing.
      logLevel: 'warn',
      config,
      handler: answer
    })
  }
  addRoute(paths.live, (_request, reply) => send(reply, 200, 'ok'))
  addRoute(paths.ready, (_request, reply) => {
    send(reply, phase() === 'ready' ? 200 : 503, phase())
  })
}

function send(reply: FastifyReply, status: number, text: string): void {
  reply
    .code(status)
    .header('content-type', 'text/plain; charset=utf-8')
    .header('cache-control', 'no-store')
    .send(text)
}
