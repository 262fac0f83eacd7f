/**
 * Who asks, by the user's own functions; whatever they do, a request is neither failed nor unlimited.
 */
import { createHash } from 'node:crypto'
import type { FastifyBaseLogger, FastifyRequest } from 'fastify'
import { canonicalAddress } from '../client-key.ts'
import type { BudgetOptions } from '../options.ts'

/** The key of all requests that have none. No client can have it: keys are not empty. */
const MISSING_KEY = ''

/** Longer keys are stored as their hash, so that a client cannot choose how much memory it takes. */
const LONGEST_KEY = 64

/** Finds a budget's clients. */
export class Clients {
  readonly #options: BudgetOptions
  readonly #place: string
  readonly #log: FastifyBaseLogger
  readonly #told = new Set<string>()

  /** @param place where the options were written, for the log */
  constructor(options: BudgetOptions, place: string, log: FastifyBaseLogger) {
    this.#options = options
    this.#place = place
    this.#log = log
  }

  /** The key of the request's client, at most 71 characters long. */
  keyOf(request: FastifyRequest): string {
    let key: unknown
    try {
      key = this.#options.keyGenerator(request)
    } catch (error) {
      return this.#missing('threw', error)
    }
    if (typeof key === 'number' && !Number.isNaN(key)) return String(key)
    if (typeof key !== 'string')
      return this.#missing('answered with neither text nor a number', key)
    if (key === '') return this.#missing('answered with an empty text')
    // Longer than any key that is stored as it is, a hash cannot be taken for one.
    if (key.length > LONGEST_KEY) return `sha256:${createHash('sha256').update(key).digest('hex')}`
    return key
  }

  /** Whether the request goes unlimited. */
  isAllowListed(request: FastifyRequest, key: string): boolean {
    const { allowList } = this.#options
    let allowed: unknown
    try {
      if (typeof allowList !== 'function') {
        return allowList.size > 0 && allowList.has(canonicalAddress(request.ip ?? ''))
      }
      allowed = allowList(request, key)
    } catch (error) {
      this.#tell('allowList threw: the limit applied.', error)
      return false
    }
    if (typeof allowed !== 'boolean') {
      this.#tell('allowList answered with neither true nor false: the limit applied.', allowed)
    }
    return allowed === true
  }

  #missing(what: string, cause?: unknown): string {
    this.#tell(
      `keyGenerator ${what}: such requests share one budget. Answer with text that is not empty, for every request.`,
      cause
    )
    return MISSING_KEY
  }

  #tell(message: string, cause: unknown): void {
    // An async function in place of a plain one: its failure must not end the process.
    if (cause instanceof Promise) cause.catch(() => {})
    if (this.#told.has(message)) return
    this.#told.add(message)
    const err = cause instanceof Error ? cause : undefined
    this.#log.error({ err }, `${this.#place}.${message} This is logged once.`)
  }
}
