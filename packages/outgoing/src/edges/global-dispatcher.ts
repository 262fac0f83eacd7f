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

const places = globalThis as Record<symbol, DispatcherLike | undefined>

/**
 * Returns the global dispatcher for a handler, as the `fetch` that made the handler finds it.
 */
export function globalDispatcherFor(handler: object): DispatcherLike {
  const dispatcher = isSecond(handler)
    ? (places[SECOND] ?? places[FIRST])
    : (places[FIRST] ?? places[SECOND])
  // A `fetch` has made the handler, and with it came a dispatcher.
  return dispatcher as DispatcherLike
}
