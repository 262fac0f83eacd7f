import type { FastifyInstance } from 'fastify'

let isTold = false

/**
 * Warns that no line will be written, once in a process and as a process warning: Fastify without a
 * logger has nothing else to tell it with. A logger that was silenced is meant so; Fastify does not
 * tell `logger: false` from none.
 */
export function warnOfNoLogger({ log }: FastifyInstance): void {
  // Fastify's stand-in has no level, and one function that does nothing for all of them.
  if (isTold || log.level !== undefined || log.info !== log.fatal) return
  isTold = true
  process.emitWarning(
    "@holdfast/request-logging writes no line, because Fastify() was not given a logger. Write Fastify({ logger: true }) or Fastify(serverOptions()), or give the plugin a logger of its own. Where no line is wanted, write Fastify({ logger: { level: 'silent' } }).",
    { code: 'HOLDFAST_NO_LOGGER', type: 'HoldfastWarning' }
  )
}
