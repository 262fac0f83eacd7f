/**
 * The dispatcher that `fetch` uses when it is given none.
 */
import type { DispatcherLike } from '../options.ts'
import { isSecond } from './dispatch-handlers.ts'

// undici 8 has its own, for handlers of the second shape; all before share the other.
const FIRST = Symbol.for('undici.globalDispatcher.1')
const SECOND = Symbol.for('undici.globalDispatcher.2')

/** Where the global dispatchers stand. */
export const GLOBAL_DISPATCHERS: readonly symbol[] = [FIRST, SECOND]

/**
 * Returns the global dispatcher for a handler, as the `fetch` that made the handler finds it.
 */
export function globalDispatcherFor(handler: object): DispatcherLike {
  const preferred = isSecond(handler) ? [SECOND, FIRST] : [FIRST, SECOND]
  const standing = preferred.map((symbol): unknown => Reflect.get(globalThis, symbol))
  return standing.find((dispatcher) => dispatcher !== undefined) as DispatcherLike
}
