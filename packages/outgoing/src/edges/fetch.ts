/**
 * A call by `fetch`: its tries, and the waits between them.
 */
import { type CallersCall, listenTo, monotonicClock } from '@holdfast/core'
import type { Caller, CallersEntry } from '../caller.ts'
import type { DispatcherLike } from '../options.ts'
import { resolvePath } from '../origin.ts'
import { isRepeatable } from '../repeatable-body.ts'
import { decideAbout } from './decision.ts'
import { pause } from './pause.ts'
import type { Target } from './target.ts'
import type { Try } from './try.ts'
import { type TargetOfOrigin, TryDispatcher } from './try-dispatcher.ts'

/** What `fetch` is given: as everywhere, and what sends it in Node. */
export interface FetchInit extends Omit<RequestInit, 'dispatcher'> {
  dispatcher?: DispatcherLike | undefined
}

/** The bytes of a failed answer that are read, so that its connection can be used again. */
const MAX_DISCARDED = 16_384

/** How a try ended for its caller. */
type Ended = { readonly response: Response } | { readonly error: unknown }

/**
 * Makes a call. Settles as `fetch` does, except that it rejects with our own errors as they are, not as
 * the cause of another one.
 */
export async function callByFetch(
  target: Target,
  targetOf: TargetOfOrigin,
  caller: Caller,
  path: string | URL,
  init: FetchInit = {}
): Promise<Response> {
  const url = resolvePath(target.name, target.rules.origin, path)
  const signal = init.signal ?? undefined
  signal?.throwIfAborted()
  const now = monotonicClock()
  const due = Math.min(now + target.rules.timeout, caller.deadline)
  target.countCall(now)
  let attempt = target.begin(caller, { number: 1, isHedge: false, due, boundsBody: true }, now)
  for (;;) {
    const ended = await fetchTry(attempt, target, targetOf, url, init)
    const wait = waitAfter(attempt, target, init)
    if (wait === undefined) return resultOf(attempt, ended)
    if ('response' in ended) discard(ended.response)
    const takenAt = monotonicClock()
    try {
      await pause(target, caller, signal, wait)
      const number = attempt.plan.number + 1
      attempt = target.begin(caller, { ...attempt.plan, number }, monotonicClock())
    } catch (error) {
      target.budget.giveBack(takenAt, monotonicClock())
      throw error
    }
  }
}

async function fetchTry(
  attempt: Try,
  target: Target,
  targetOf: TargetOfOrigin,
  url: URL,
  init: FetchInit
): Promise<Ended> {
  const inner = init.dispatcher ?? target.rules.dispatcher
  const dispatcher = new TryDispatcher(attempt, target, targetOf, inner)
  const given: FetchInit = { ...init, dispatcher }
  if (init.signal) {
    const link = new LinkedSignal(init.signal)
    attempt.link = link
    given.signal = link.signal
  }
  try {
    // The types of a dispatcher differ from one undici to the next.
    const response = await fetch(url, given as RequestInit)
    if (attempt.transport === undefined) {
      // Another `fetch`, in a test for example, that knows no dispatchers.
      attempt.head(response.status, response.headers.get('retry-after') ?? undefined)
      attempt.end()
    }
    return { response }
  } catch (error) {
    if (attempt.transport === undefined) attempt.exclude(error)
    // Aborted while it waited for a connection, which nobody tells the dispatcher.
    else if (attempt.status === undefined) attempt.fail(error, true)
    return { error }
  }
}

/** Returns how many milliseconds to wait before the next try; `undefined` when there is none. */
function waitAfter(attempt: Try, target: Target, init: FetchInit): number | undefined {
  const { number, due } = attempt.plan
  if (!attempt.hasFailed || init.signal?.aborted || number > target.rules.retries) return undefined
  return decideAbout(target, attempt.caller, {
    method: (init.method ?? 'GET').toUpperCase(),
    headers: new Headers(init.headers),
    isBodyRepeatable: isRepeatable(init.body),
    wasSent: attempt.wasSent,
    number,
    retryAfter: attempt.retryAfter,
    due
  })
}

function resultOf(attempt: Try, ended: Ended): Response {
  if ('response' in ended) return ended.response
  throw attempt.stopped?.error ?? ended.error
}

/** Gets rid of the body of an answer that nobody will see. */
function discard(response: Response): void {
  const length = Number(response.headers.get('content-length') ?? Infinity)
  const gone = length <= MAX_DISCARDED ? response.arrayBuffer() : response.body?.cancel()
  gone?.catch(() => {})
}

/**
 * A signal of its own for each try. `fetch` leaves a listener on the signal that it is given until its
 * objects are collected, and a signal may live as long as the process.
 */
class LinkedSignal implements CallersCall, CallersEntry {
  readonly #controller = new AbortController()
  readonly #source: AbortSignal
  readonly #entry: CallersEntry

  constructor(source: AbortSignal) {
    this.#source = source
    this.#entry = listenTo(source, this)
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  callerLeft(): void {
    this.#controller.abort(this.#source.reason)
  }

  leave(): void {
    this.#entry.leave()
  }
}
