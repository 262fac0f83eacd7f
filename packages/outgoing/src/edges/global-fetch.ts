/**
 * The guard around the fetch of the whole process. Node's own fetch and every copy of undici take
 * their default dispatcher from a place that all of them share, so that undici need not be imported.
 */

/** A dispatcher of any version of undici, by the one method that every call goes through. */
export interface AnyDispatcher {
  dispatch(options: object, handler: object): boolean
}

/** What a call does on its way to the dispatcher that stood there before. */
export type GuardDispatch = (original: AnyDispatcher, options: object, handler: object) => boolean

/** The default dispatchers: of undici up to 7, and of undici 8. */
const PLACES = [Symbol.for('undici.globalDispatcher.1'), Symbol.for('undici.globalDispatcher.2')]

type Places = Record<symbol, AnyDispatcher | undefined>

/** A guard in the place of the default dispatchers, until it is released. */
export class GlobalFetchGuard {
  readonly #guard: GuardDispatch
  /** A property that only its own dispatchers have, and what is composed around them. */
  readonly #mark = Symbol('holdfast.outgoing')
  readonly #originals = new Map<symbol, AnyDispatcher>()
  readonly #installed = new Map<symbol, AnyDispatcher>()
  #released = false

  constructor(guard: GuardDispatch) {
    this.#guard = guard
    // Node 20 loads its undici, and with it the dispatcher, when one of its globals is first read.
    void globalThis.Response
    const places = globalThis as Places
    for (const place of PLACES) {
      const original = places[place]
      if (original === undefined) continue
      const installed = this.#around(original)
      this.#originals.set(place, original)
      this.#installed.set(place, installed)
      places[place] = installed
    }
  }

  /**
   * Whether all default dispatchers are still this guard, or something around it. On Node 20 and 22
   * undici 8 replaces them when it is loaded for the first time.
   */
  get isInPlace(): boolean {
    const places = globalThis as Places
    return PLACES.every((place) => {
      const current = places[place] as (AnyDispatcher & Record<symbol, unknown>) | undefined
      return current === undefined || current[this.#mark] === true
    })
  }

  /** Lets calls pass unguarded, and takes the guard out where nothing was put around it. */
  release(): void {
    this.#released = true
    const places = globalThis as Places
    for (const [place, original] of this.#originals) {
      if (places[place] === this.#installed.get(place)) places[place] = original
    }
  }

  #around(original: AnyDispatcher): AnyDispatcher {
    const dispatch = (options: object, handler: object): boolean =>
      this.#released ? original.dispatch(options, handler) : this.#guard(original, options, handler)
    return new Proxy(original, {
      get: (target, key) => {
        if (key === 'dispatch') return dispatch
        return key === this.#mark ? true : Reflect.get(target, key)
      }
    })
  }
}
