/**
 * The bindings that `request.log` has of its own: from a `childLoggerFactory`, or from
 * `request.log.setBindings()`. The application's lines of a request show them, and so does ours.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { LogFields } from '../fields.ts'
import { bindingsSymbolOf, type PinoState } from './pino-symbols.ts'

/** Reads the bindings of the requests of one app. */
export class RequestBindings {
  readonly #app: PinoState
  readonly #symbol: symbol | undefined
  /** The characters that Fastify's own binding adds, without those of the id. */
  readonly #overhead: number

  /** @param idLabel the name under which Fastify binds the id of a request */
  constructor({ log }: FastifyInstance, idLabel: string) {
    this.#app = log as object as PinoState
    this.#symbol = bindingsSymbolOf(log)
    this.#overhead = `,${JSON.stringify(idLabel)}:""`.length
  }

  /** Returns what a request has beside its id; `undefined` when there is nothing, or it is unknown. */
  of({ id, log }: FastifyRequest): LogFields | undefined {
    const symbol = this.#symbol
    if (symbol === undefined) return undefined
    const shared = this.#app[symbol]
    const own = (log as object as PinoState)[symbol]
    if (typeof shared !== 'string' || typeof own !== 'string') return undefined
    // Bindings are only ever added, so that the length tells: to compare the texts would cost more.
    if (own.length === shared.length + this.#overhead + id.length) return undefined
    const added = own.startsWith(shared) ? own.slice(shared.length) : own
    try {
      return JSON.parse(`{${added.slice(1)}}`)
    } catch {
      return undefined
    }
  }
}
