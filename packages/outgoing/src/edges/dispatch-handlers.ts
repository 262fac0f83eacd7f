/**
 * Stands between a dispatcher of undici and whoever waits for its answer, and tells a try what happens.
 *
 * There are two shapes of handlers. undici 6 knows the first only, 8 the second only, 7 both; so a
 * handler is wrapped in one of its own shape. The built-in `fetch` of Node 20, 22 and 24 brings the
 * first, that of 26 the second.
 */
import type { Try } from './try.ts'
import type { Transport } from './try-plan.ts'

/** A handler of the first shape, of undici 6 and 7. */
export interface FirstHandler {
  onConnect?(abort: (error?: unknown) => void, context?: unknown): unknown
  onHeaders?(status: number, headers: unknown, resume: () => void, text: string): unknown
  onData?(chunk: unknown): unknown
  onComplete?(trailers: unknown): unknown
  onError?(error: unknown): unknown
  onUpgrade?(status: number, headers: unknown, socket: unknown): unknown
  onBodySent?(chunk: unknown): unknown
  onRequestSent?(): unknown
  onResponseStarted?(): unknown
}

/** What a handler of the second shape can steer its request with. */
export interface Controller {
  readonly aborted: boolean
  abort(error: unknown): void
}

/** A handler of the second shape, of undici 7 and 8. */
export interface SecondHandler {
  onRequestStart?(controller: Controller, context?: unknown): unknown
  onResponseStart?(controller: Controller, status: number, headers: unknown, text?: string): unknown
  onResponseData?(controller: Controller, chunk: unknown): unknown
  onResponseEnd?(controller: Controller, trailers: unknown): unknown
  onResponseError?(controller: Controller | null, error: unknown): unknown
  onRequestUpgrade?(
    controller: Controller,
    status: number,
    headers: unknown,
    socket: unknown
  ): unknown
  onBodySent?(chunk: unknown): unknown
  onRequestSent?(): unknown
  onResponseStarted?(): unknown
}

/** Whether a handler has the second shape. */
export function isSecond(handler: object): handler is SecondHandler {
  return 'onRequestStart' in handler && typeof handler.onRequestStart === 'function'
}

/** Wraps a handler in one of its own shape that tells the try. */
export function guardedHandler(attempt: Try, handler: object): object {
  return isSecond(handler)
    ? new SecondGuard(attempt, handler)
    : new FirstGuard(attempt, handler as FirstHandler)
}

/** Whether a handler is the guard of a try. */
export function isGuarded(handler: object): boolean {
  return handler instanceof Guard
}

/** Gives a handler the error of a request that is not made. */
export function failHandler(handler: object, error: unknown): void {
  if (isSecond(handler)) handler.onResponseError?.(null, error)
  else (handler as FirstHandler).onError?.(error)
}

/** What both shapes have in common. */
abstract class Guard<Handler extends FirstHandler | SecondHandler> implements Transport {
  /**
   * `undefined` once it is over: a dispatcher keeps its last handlers for long, and the try has more
   * to it than they need.
   */
  protected attempt: Try | undefined
  protected readonly handler: Handler
  /** Whether the handler has been told the end, before the dispatcher could. */
  protected hasEnded = false

  constructor(attempt: Try, handler: Handler) {
    this.attempt = attempt
    this.handler = handler
    attempt.transport = this
  }

  abstract abort(error: Error): void

  onBodySent(chunk: unknown): unknown {
    return this.handler.onBodySent?.(chunk)
  }

  onRequestSent(): unknown {
    return this.handler.onRequestSent?.()
  }

  onResponseStarted(): unknown {
    return this.handler.onResponseStarted?.()
  }

  /** Ends a request that no connection has taken yet: the dispatcher cannot be told before one does. */
  protected endUnsent(error: Error): void {
    this.hasEnded = true
    this.attempt?.fail(error, false)
    failHandler(this.handler, error)
  }
}

type Abort = (error?: unknown) => void

/** Whether the caller has aborted a request. */
interface CallersWill {
  hasAborted: boolean
}

/**
 * Returns what the caller aborts a request with. `fetch` keeps it until the next full garbage
 * collection, so it leads neither to the guard nor to the try.
 */
function abortOfCaller(abort: Abort, will: CallersWill): Abort {
  return (error) => {
    will.hasAborted = true
    abort(error)
  }
}

class FirstGuard extends Guard<FirstHandler> {
  #abort: Abort | undefined
  readonly #will: CallersWill = { hasAborted: false }

  abort(error: Error): void {
    if (this.#abort === undefined) this.endUnsent(error)
    else this.#abort(error)
  }

  onConnect(abort: Abort, context?: unknown): unknown {
    if (this.hasEnded) {
      abort()
      return undefined
    }
    this.#abort = abort
    this.attempt?.started()
    return this.handler.onConnect?.(abortOfCaller(abort, this.#will), context)
  }

  onHeaders(status: number, headers: unknown, resume: () => void, text: string): unknown {
    this.attempt?.head(status, status < 400 ? undefined : retryAfterIn(headers))
    return this.handler.onHeaders?.(status, headers, resume, text)
  }

  onData(chunk: unknown): unknown {
    this.attempt?.chunk()
    return this.handler.onData?.(chunk)
  }

  onComplete(trailers: unknown): unknown {
    this.attempt?.end()
    this.attempt = undefined
    return this.handler.onComplete?.(trailers)
  }

  onUpgrade(status: number, headers: unknown, socket: unknown): unknown {
    this.attempt?.head(status)
    return this.handler.onUpgrade?.(status, headers, socket)
  }

  onError(error: unknown): unknown {
    if (this.hasEnded) return undefined
    this.attempt?.fail(error, this.#will.hasAborted)
    this.attempt = undefined
    return this.handler.onError?.(error)
  }
}

class SecondGuard extends Guard<SecondHandler> {
  #controller: Controller | undefined

  abort(error: Error): void {
    if (this.#controller === undefined) this.endUnsent(error)
    else this.#controller.abort(error)
  }

  onRequestStart(controller: Controller, context?: unknown): unknown {
    if (this.hasEnded) {
      controller.abort(this.attempt?.stopped?.error)
      return undefined
    }
    this.#controller = controller
    this.attempt?.started()
    return this.handler.onRequestStart?.(controller, context)
  }

  onResponseStart(
    controller: Controller,
    status: number,
    headers: unknown,
    text?: string
  ): unknown {
    this.attempt?.head(status, status < 400 ? undefined : headerOf(headers, 'retry-after'))
    return this.handler.onResponseStart?.(controller, status, headers, text)
  }

  onResponseData(controller: Controller, chunk: unknown): unknown {
    this.attempt?.chunk()
    return this.handler.onResponseData?.(controller, chunk)
  }

  onResponseEnd(controller: Controller, trailers: unknown): unknown {
    this.attempt?.end()
    this.attempt = undefined
    return this.handler.onResponseEnd?.(controller, trailers)
  }

  onRequestUpgrade(
    controller: Controller,
    status: number,
    headers: unknown,
    socket: unknown
  ): unknown {
    this.attempt?.head(status)
    return this.handler.onRequestUpgrade?.(controller, status, headers, socket)
  }

  onResponseError(controller: Controller | null, error: unknown): unknown {
    if (this.hasEnded) return undefined
    this.attempt?.fail(error, controller?.aborted === true)
    this.attempt = undefined
    return this.handler.onResponseError?.(controller, error)
  }
}

/** The `Retry-After` among headers as the first shape has them: names and values in turn, as bytes. */
function retryAfterIn(headers: unknown): string | undefined {
  if (!Array.isArray(headers)) return undefined
  for (let index = 0; index + 1 < headers.length; index += 2) {
    if (String(headers[index]).toLowerCase() === 'retry-after') return String(headers[index + 1])
  }
  return undefined
}

function headerOf(headers: unknown, name: string): string | undefined {
  const value: unknown =
    typeof headers === 'object' && headers !== null ? Reflect.get(headers, name) : undefined
  return value === undefined ? undefined : String(value)
}
