/**
 * The guard in front of a dispatcher of undici: each request to the upstream's origin is one try.
 */
import type { Caller } from '../caller.ts'
import { headersOf } from './call-headers.ts'
import { failHandler, guardedHandler } from './dispatch-handlers.ts'
import type { Target } from './target.ts'
import type { Try } from './try.ts'

/** As much of the options of a request as is used. */
export interface DispatchOptions {
  readonly origin?: unknown
  readonly method?: unknown
  readonly headers?: unknown
}

/** The method `dispatch` of a dispatcher, bound to it. */
export type Dispatch<Options extends object, Handler extends object> = (
  options: Options,
  handler: Handler
) => boolean

/**
 * Guards the requests to the origin of an upstream, each of them one try; those to other origins pass
 * untouched.
 */
export function guardedDispatch<Options extends object, Handler extends object>(
  target: Target,
  currentCaller: () => Caller,
  dispatch: Dispatch<Options, Handler>
): Dispatch<Options, Handler> {
  const inner = { dispatch }
  return (options: Options & DispatchOptions, handler) => {
    if (!target.owns(options.origin)) return dispatch(options, handler)
    let attempt: Try
    try {
      const number = target.undiciRetries?.countDispatch(handler)
      attempt = target.beginAlone(currentCaller(), String(options.method), number)
    } catch (error) {
      failHandler(handler, error)
      return true
    }
    return send(attempt, inner, options, handler)
  }
}

/** Sends a try. */
export function send<Options extends object, Handler extends object>(
  attempt: Try,
  inner: { readonly dispatch: Dispatch<Options, Handler> },
  options: Options & DispatchOptions,
  handler: Handler
): boolean {
  const given = { ...options, headers: headersOf(attempt, options.headers) }
  try {
    // The guard has the shape of the handler.
    return inner.dispatch(given, guardedHandler(attempt, handler) as Handler)
  } catch (error) {
    attempt.exclude(error)
    throw error
  }
}
