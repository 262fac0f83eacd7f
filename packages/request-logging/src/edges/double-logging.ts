/**
 * Notices at boot that Fastify writes its own request lines too.
 */
import { guardedLog, logControllerOf } from '@holdfast/core'
import type { FastifyInstance } from 'fastify'

interface LogControllerLike {
  readonly disableRequestLogging?: unknown
  readonly isLogDisabled?: unknown
  readonly incomingRequest?: unknown
  readonly requestCompleted?: unknown
}

const warned = new WeakSet<object>()

/** Warns of it in the app's log, once for each app. */
export function warnOfDoubleLogging(app: FastifyInstance): void {
  const warning = doubleLogging(app)
  if (warning === undefined || warned.has(app.server)) return
  warned.add(app.server)
  guardedLog(app.log).warn(warning)
}

/**
 * Returns a sentence that says what to set when Fastify writes request lines too; `undefined` when
 * it does not, or when the user's own log controller decides.
 */
export function doubleLogging(app: FastifyInstance): string | undefined {
  const { level } = app.log
  // Without a logger Fastify's stand-in has no level.
  if (level === undefined || level === 'silent') return undefined
  const controller: LogControllerLike | undefined = logControllerOf(app)
  if (controller === undefined) {
    if (app.initialConfig.disableRequestLogging === true) return undefined
    return `${PROBLEM} Set Fastify({ disableRequestLogging: true }).`
  }
  if (!writesRequestLines(controller)) return undefined
  return `${PROBLEM} Set Fastify({ logController: logController() }), with logController imported from '@holdfast/request-logging/log-controller'.`
}

const PROBLEM =
  "Requests are logged twice: Fastify's own request lines are on beside those of @holdfast/request-logging."

function writesRequestLines(controller: LogControllerLike): boolean {
  if (controller.disableRequestLogging === true) return false
  const original = rootPrototypeOf(controller)
  if (controller.isLogDisabled !== original.isLogDisabled) return false
  return (
    controller.incomingRequest === original.incomingRequest ||
    controller.requestCompleted === original.requestCompleted
  )
}

/** The prototype of Fastify's own class, whichever copy of Fastify it comes from. */
function rootPrototypeOf(controller: object): LogControllerLike {
  let prototype: object = Object.getPrototypeOf(controller)
  for (;;) {
    const next: object = Object.getPrototypeOf(prototype)
    if (next === Object.prototype) return prototype
    prototype = next
  }
}
