/**
 * What holds for all requests of a route that ended alike: the level of their line, and what the lines
 * have in common. It is found out once, and kept.
 */
import type { SharedText } from './formats/format.ts'
import { type LogLevel, levelInTable, type SettledRequest } from './level.ts'
import type { LineRules } from './line-decision.ts'

/** How a request ended, and all that do alike. */
export class Verdict {
  readonly method: string | undefined
  readonly status: number | undefined
  readonly outcome: SettledRequest['outcome']
  readonly slow: boolean
  /** The level of the line; `undefined` when each request has to be asked for itself. */
  readonly level: LogLevel | undefined
  /** What the lines have in common, from the first line on. */
  text: SharedText | undefined = undefined

  constructor(
    method: string | undefined,
    { status, outcome, slow }: SettledRequest,
    level: LogLevel | undefined
  ) {
    this.method = method
    this.status = status
    this.outcome = outcome
    this.slow = slow
    this.level = level
  }

  /** Whether a request ended so. */
  holdsFor(method: string | undefined, { status, outcome, slow }: SettledRequest): boolean {
    return (
      this.status === status &&
      this.method === method &&
      this.outcome === outcome &&
      this.slow === slow
    )
  }
}

// A route has a few; a client that makes up methods, or a handler that makes up statuses, has many.
const MAX_VERDICTS = 32

/** The verdicts of one route. */
export class Verdicts {
  readonly #rules: LineRules
  /** Whether the level depends on nothing but how the request ended. */
  readonly #isFixed: boolean
  readonly #kept: Verdict[] = []
  #latest: Verdict | undefined = undefined

  constructor(rules: LineRules) {
    const { silent, silence, probe, levels, sample } = rules
    this.#rules = rules
    this.#isFixed =
      silent ||
      (!(probe || silence.hasPaths || silence.hasFunctions || levels.choose !== undefined) &&
        sample === 1)
  }

  /** The verdict on a request. At most 32 are kept; then it begins again. */
  on(method: string | undefined, settled: SettledRequest): Verdict {
    const latest = this.#latest
    if (latest?.holdsFor(method, settled)) return latest
    const found =
      this.#kept.find((verdict) => verdict.holdsFor(method, settled)) ??
      this.#reach(method, settled)
    this.#latest = found
    return found
  }

  #reach(method: string | undefined, settled: SettledRequest): Verdict {
    const verdict = new Verdict(method, settled, this.#levelOf(settled))
    if (this.#kept.length === MAX_VERDICTS) this.#kept.length = 0
    this.#kept.push(verdict)
    return verdict
  }

  #levelOf({ outcome, slow }: SettledRequest): LogLevel | undefined {
    const { silent, levels } = this.#rules
    if (!this.#isFixed) return undefined
    return silent ? 'silent' : levelInTable(levels.table, outcome, slow)
  }
}
