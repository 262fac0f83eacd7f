/**
 * Notices a proxy in front that the app does not trust: all clients behind it share one address, and
 * with it one limit.
 */
import type { GuardedLog } from '@holdfast/core'
import type { FastifyInstance, FastifyRequest } from 'fastify'

/** A proxy shows itself with the first requests: later ones are not looked at. */
const MAX_LOOKED_AT = 1000

const told = new WeakSet<object>()

/** Looks at the first requests of a registration, and warns once for each app. */
export class ProxyWatch {
  readonly #server: object
  readonly #log: GuardedLog
  #left = MAX_LOOKED_AT

  constructor(app: FastifyInstance, log: GuardedLog) {
    this.#server = app.server
    this.#log = log
  }

  look(request: FastifyRequest): void {
    if (this.#left === 0) return
    this.#left--
    if (request.headers['x-forwarded-for'] === undefined) return
    this.#left = 0
    // Only where `trustProxy` is on, Fastify reads a list of addresses.
    if (request.ips !== undefined || told.has(this.#server)) return
    told.add(this.#server)
    this.#log.warn(
      "rateLimit: a request has the header X-Forwarded-For, and trustProxy is off. If it came through a proxy of yours, all clients behind it share one limit: name the proxy's addresses, as in Fastify({ trustProxy: ['10.0.0.0/8'] }), or give a keyGenerator."
    )
  }
}
