/**
 * The upstreams of one registration of the plugin, by name and by origin.
 */
import { monotonicClock } from '@holdfast/core'
import { check } from '@holdfast/core/options'
import type { Caller } from '../caller.ts'
import { UnknownUpstreamError, UpstreamConflictError } from '../errors.ts'
import {
  type CallRules,
  differences,
  resolveUpstreamOptions,
  type UpstreamOptions
} from '../options.ts'
import type { UpstreamSnapshot } from '../state.ts'
import { breakerOf } from './breaker-seam.ts'
import { ReplyFromClient } from './reply-from.ts'
import { Target, type TargetOfOrigin } from './target.ts'
import { type Registration, Upstream } from './upstream.ts'

/** What is declared under one name. */
interface Declared {
  readonly target: Target
  readonly upstream: Upstream
}

/** Upstreams are declared by the program, never by who sends it requests: there are as many as it names. */
export class Upstreams implements Registration {
  readonly #app: object
  readonly #rules: CallRules
  readonly #byName = new Map<string, Declared>()
  readonly currentCaller: () => Caller
  /** The upstream of an origin, the one that was declared first; `undefined` when there is none. */
  readonly targetOf: TargetOfOrigin = (origin) => {
    if (origin === undefined) return undefined
    for (const { target } of this.#byName.values()) if (target.owns(origin)) return target
    return undefined
  }

  readonly client: ReplyFromClient = new ReplyFromClient(this.targetOf)

  /**
   * @param app has the breakers, if anything has
   * @param currentCaller finds whom a call is made for that names nobody
   */
  constructor(app: object, rules: CallRules, currentCaller: () => Caller) {
    this.#app = app
    this.#rules = rules
    this.currentCaller = currentCaller
  }

  /**
   * Returns the upstream of that name, and makes it when there is none.
   *
   * @throws UnknownUpstreamError without options, when there is none
   * @throws UpstreamConflictError when it exists with other options
   * @throws NoBreakersError, UnknownOptionError, InvalidOptionError
   */
  open(name: string, options?: UpstreamOptions): Upstream {
    check.text(name, 'name of app.upstream(name)')
    const known = this.#byName.get(name)
    if (known !== undefined) {
      if (options !== undefined) this.#insistOnSame(known.target, options)
      return known.upstream
    }
    if (options === undefined) throw new UnknownUpstreamError(name, name)
    const rules = resolveUpstreamOptions(this.#rules, name, options)
    const target = new Target(name, rules, breakerOf(this.#app, name, rules.breaker))
    const upstream = new Upstream(target, this)
    this.#byName.set(name, { target, upstream })
    return upstream
  }

  snapshots(): UpstreamSnapshot[] {
    const now = monotonicClock()
    return Array.from(this.#byName.values(), ({ target }) => target.snapshot(now))
  }

  /** Stops the calls that are on their way, and refuses further ones. */
  close(): void {
    for (const { target } of this.#byName.values()) target.close()
  }

  #insistOnSame(target: Target, given: UpstreamOptions): void {
    const existing = differences(
      target.rules,
      resolveUpstreamOptions(this.#rules, target.name, given)
    )
    if (existing !== '') throw new UpstreamConflictError(target.name, existing)
  }
}
