/**
 * The guard around the `fetch` of the whole process. Node's own and every copy of undici take their
 * default dispatcher from places that all of them share, so that undici need not be imported for it.
 */
import type { GuardedLog } from '@holdfast/core'
import type { Caller } from '../caller.ts'
import type { DispatcherLike } from '../options.ts'
import type { GlobalFetchState } from '../state.ts'
import { isGuarded } from './dispatch-handlers.ts'
import { GLOBAL_DISPATCHERS } from './global-dispatcher.ts'
import { type DispatchOptions, guardedDispatch } from './interceptor.ts'
import type { TargetOfOrigin } from './target.ts'

type Dispatchers = Record<symbol, (DispatcherLike & Record<symbol, unknown>) | undefined>

const REPLACED =
  'Something has replaced the guard that app.outgoing.install() puts around fetch: unless it hands calls on, they have neither breaker nor deadline. On Node 20 and 22 undici 8 does that when it is first loaded: import it before install() is called.'

/** The guard around `fetch`, put there as often as somebody wants it, and taken away with the last. */
export class GlobalFetch {
  readonly #targetOf: TargetOfOrigin
  readonly #currentCaller: () => Caller
  readonly #log: GuardedLog
  readonly #uses = new Set<Disposable>()
  #installed: InstalledGuard | undefined
  #hasWarned = false

  constructor(targetOf: TargetOfOrigin, currentCaller: () => Caller, log: GuardedLog) {
    this.#targetOf = targetOf
    this.#currentCaller = currentCaller
    this.#log = log
  }

  get state(): GlobalFetchState {
    if (this.#installed === undefined) return 'not-installed'
    return this.#installed.isInPlace ? 'guarded' : 'replaced'
  }

  /** Guards `fetch` until what is returned is disposed of, or the app closes. */
  install(): Disposable {
    this.#installed ??= new InstalledGuard((original) => this.#guard(original))
    const use: Disposable = {
      [Symbol.dispose]: () => {
        if (this.#uses.delete(use) && this.#uses.size === 0) this.release()
      }
    }
    this.#uses.add(use)
    return use
  }

  /** Warns, once, when the guard was replaced. */
  check(): void {
    if (this.#hasWarned || this.state !== 'replaced') return
    this.#hasWarned = true
    this.#log.warn(REPLACED)
  }

  release(): void {
    this.#uses.clear()
    this.#installed?.release()
    this.#installed = undefined
  }

  #guard(original: DispatcherLike): DispatcherLike['dispatch'] {
    const dispatch = (options: DispatchOptions, handler: object): boolean =>
      original.dispatch(options, handler)
    return (options, handler) => {
      // A call of `upstream.fetch` or of an interceptor has its permit already.
      const target = isGuarded(handler) ? undefined : this.#targetOf(options.origin)
      if (target === undefined) return dispatch(options, handler)
      return guardedDispatch(target, this.#currentCaller, dispatch)(options, handler)
    }
  }
}

/** Stands in the place of the default dispatchers until it is released. */
class InstalledGuard {
  /** A property that only its own dispatchers have, and what is composed around them. */
  readonly #mark = Symbol('holdfast.outgoing')
  readonly #originals = new Map<symbol, DispatcherLike>()
  readonly #guarded = new Map<symbol, DispatcherLike>()
  #isReleased = false

  /** @param guard returns a dispatcher's `dispatch` with a guard in front */
  constructor(guard: (original: DispatcherLike) => DispatcherLike['dispatch']) {
    // Node 20 loads its undici, and with it the dispatcher, when one of its globals is first read.
    void globalThis.Response
    const dispatchers = globalThis as Dispatchers
    for (const place of GLOBAL_DISPATCHERS) {
      const original = dispatchers[place]
      if (original === undefined) continue
      const guarded = this.#around(original, guard(original))
      this.#originals.set(place, original)
      this.#guarded.set(place, guarded)
      Reflect.set(globalThis, place, guarded)
    }
  }

  get isInPlace(): boolean {
    const dispatchers = globalThis as Dispatchers
    return GLOBAL_DISPATCHERS.every((place) => {
      const current = dispatchers[place]
      return current === undefined || current[this.#mark] === true
    })
  }

  /** Lets calls pass, and leaves the places where nothing was put around it. */
  release(): void {
    this.#isReleased = true
    for (const [place, original] of this.#originals) {
      const isOwn = Reflect.get(globalThis, place) === this.#guarded.get(place)
      if (isOwn) Reflect.set(globalThis, place, original)
    }
  }

  #around(original: DispatcherLike, guarded: DispatcherLike['dispatch']): DispatcherLike {
    const dispatch: DispatcherLike['dispatch'] = (options, handler) =>
      this.#isReleased ? original.dispatch(options, handler) : guarded(options, handler)
    return new Proxy(original, {
      get: (target, key) => {
        if (key === 'dispatch') return dispatch
        return key === this.#mark ? true : Reflect.get(target, key)
      }
    })
  }
}
