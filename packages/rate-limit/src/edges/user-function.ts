/**
 * Functions that users write into the options; whatever they do, a request is neither failed nor
 * unlimited.
 */
import { types } from 'node:util'
import type { FastifyBaseLogger, FastifyRequest } from 'fastify'
import type { MaybePromise } from '../limit-options.ts'
import { isPromise } from './when-known.ts'

/** What a function is expected to answer, and what is used where it does not. */
export interface Expected<Value> {
  /** Completes "answered with something else than ...". */
  readonly what: string
  /** Makes of an answer what is used; `undefined` when it cannot be used. */
  read(answer: unknown): Value | undefined
  readonly otherwise: Value
  /** What `otherwise` means to a request, as a sentence. */
  readonly told: string
}

/** Where the options were written, and whom to tell what is wrong with them. */
export interface OptionPlace {
  readonly name: string
  readonly log: FastifyBaseLogger
}

/** One function of a user. */
export class UserFunction<Value> {
  readonly #function: (request: FastifyRequest, key: string) => unknown
  readonly #expected: Expected<Value>
  /** Names the option that it was given as. */
  readonly option: string
  readonly #place: OptionPlace
  readonly #told = new Set<string>()

  constructor(
    option: string,
    place: OptionPlace,
    func: (request: FastifyRequest, key: string) => unknown,
    expected: Expected<Value>
  ) {
    this.option = option
    this.#place = place
    this.#function = func
    this.#expected = expected
  }

  /** Calls the function. Never throws or rejects; waits only where the function does. */
  ask(request: FastifyRequest, key: string): MaybePromise<Value> {
    let answer: unknown
    try {
      answer = this.#function(request, key)
    } catch (error) {
      return this.#threw(error)
    }
    return isPromise(answer) ? answer.then(this.#read, this.#threw) : this.#read(answer)
  }

  readonly #read = (answer: unknown): Value => {
    const { read, what } = this.#expected
    return read(answer) ?? this.#instead(`answered with something else than ${what}`)
  }

  readonly #threw = (error: unknown): Value => {
    return this.#instead('threw', types.isNativeError(error) ? error : undefined)
  }

  #instead(what: string, err?: Error): Value {
    const { otherwise, told } = this.#expected
    if (!this.#told.has(what)) {
      this.#told.add(what)
      const { name, log } = this.#place
      log.error({ err }, `${name}.${this.option} ${what}: ${told} This is logged once.`)
    }
    return otherwise
  }
}
