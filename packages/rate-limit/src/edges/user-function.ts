/**
 * Functions that users write into the options. Whatever such a function does, the request neither
 * fails nor goes unlimited.
 */
import { types } from 'node:util'
import type { GuardedLog } from '@holdfast/core'
import type { FastifyRequest } from 'fastify'
import type { MaybePromise } from '../limit-options.ts'

/** What a function is expected to return, and what is used where it does not. */
export interface Expected<Value> {
  /** Completes "returned something other than ...". */
  readonly what: string
  /** The value of an answer; `undefined` for an answer that cannot be used. */
  read(answer: unknown): Value | undefined
  readonly fallback: Value
  /** What `fallback` means to a request, as a sentence. */
  readonly consequence: string
}

/** Where options were written, and the log that hears of mistakes in them. */
export interface OptionSource {
  readonly path: string
  readonly log: GuardedLog
}

/** One function of a user. */
export class UserFunction<Value> {
  /** The name of the option that it was given as. */
  readonly option: string
  readonly #function: (request: FastifyRequest, key: string) => unknown
  readonly #expected: Expected<Value>
  readonly #source: OptionSource
  readonly #reported = new Set<string>()

  constructor(
    option: string,
    source: OptionSource,
    func: (request: FastifyRequest, key: string) => unknown,
    expected: Expected<Value>
  ) {
    this.option = option
    this.#source = source
    this.#function = func
    this.#expected = expected
  }

  /** Calls the function. Never throws or rejects; waits only where the function does. */
  call(request: FastifyRequest, key: string): MaybePromise<Value> {
    let answer: unknown
    try {
      answer = this.#function(request, key)
    } catch (error) {
      return this.#threw(error)
    }
    if (typeof answer !== 'object' || answer === null) return this.#read(answer)
    // A promise of any library, or an object that is of no use, and may throw at every touch.
    return Promise.resolve(answer).then(this.#read, this.#threw)
  }

  readonly #read = (answer: unknown): Value => {
    const { read, what } = this.#expected
    return read(answer) ?? this.#fallback(`returned something other than ${what}`)
  }

  readonly #threw = (error: unknown): Value => {
    return this.#fallback('threw', types.isNativeError(error) ? error : undefined)
  }

  #fallback(what: string, err?: Error): Value {
    const { fallback, consequence } = this.#expected
    if (!this.#reported.has(what)) {
      this.#reported.add(what)
      const { path, log } = this.#source
      log.error({ err }, `${path}.${this.option} ${what}: ${consequence} This is logged once.`)
    }
    return fallback
  }
}
