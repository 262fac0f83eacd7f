/**
 * Which requests write no line: probes, paths, and those that a function names.
 */
import { guardedCall } from '@holdfast/core'
import type { SettledRequest } from './level.ts'

/** Says that a request writes no line. Asked when it is known how the request went. */
export type SilentFunction = (settled: SettledRequest) => boolean

/**
 * A rule by which a request writes no line: that it is a probe, has a path (`'/metrics'`, or with
 * all below it `'/assets/*'`), or is named by a function.
 */
export type SilentRule = 'probes' | `/${string}` | SilentFunction

const WHERE = 'the option requestLogging.silent'

/** The rules of one registration, ready to be asked. */
export class Silence {
  readonly probes: boolean
  /** Whether there are rules of paths: finding out the path of a request costs something. */
  readonly hasPaths: boolean
  readonly hasFunctions: boolean
  readonly #paths: ReadonlySet<string>
  readonly #prefixes: readonly string[]
  readonly #functions: readonly SilentFunction[]

  constructor(rules: readonly SilentRule[]) {
    this.probes = rules.includes('probes')
    const paths = rules.filter((rule) => typeof rule === 'string' && rule !== 'probes')
    this.hasPaths = paths.length > 0
    this.#paths = new Set(paths.filter((path) => !path.endsWith('*')))
    this.#prefixes = paths.filter((path) => path.endsWith('*')).map((path) => path.slice(0, -1))
    this.#functions = rules.filter((rule) => typeof rule === 'function')
    this.hasFunctions = this.#functions.length > 0
  }

  coversPath(path: string): boolean {
    return this.#paths.has(path) || this.#prefixes.some((prefix) => path.startsWith(prefix))
  }

  /** A function that throws or returns a promise is reported once, and silences nothing. */
  covers(settled: SettledRequest): boolean {
    return this.#functions.some((isSilent) => guardedCall(isSilent, WHERE, settled) === true)
  }
}
