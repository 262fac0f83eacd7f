/**
 * A call by `fetch`: its tries, and the waits between them.
 */
import { monotonicClock } from '@holdfast/core'
import type { Caller } from '../caller.ts'
import { resolvePath } from '../origin.ts'
import { isRepeatable } from '../repeatable-body.ts'
import { decideAbout } from './decision.ts'
import type { FetchCall, FetchInit } from './fetch-call.ts'
import { beginTry, type FetchTry } from './fetch-try.ts'
import { hedgeDelayOf, hedged } from './hedged-try.ts'
import { pause } from './pause.ts'
import type { Target, TargetOfOrigin } from './target.ts'
import type { Try } from './try.ts'

/**
 * Makes a call. Settles as `fetch` does, except that it rejects with our own errors as they are, not as
 * the cause of another one.
 */
export async function callByFetch(
  target: Target,
  targetOf: TargetOfOrigin,
  caller: Caller,
  path: string | URL | Request,
  init?: FetchInit
): Promise<Response> {
  const now = monotonicClock()
  const call = callOf(target, targetOf, caller, path, init, now)
  const first = beginTry(call, now)
  const delay = hedgeDelayOf(call)
  if (delay !== undefined) return answerOf(await hedged(first, call, delay), call)
  // As `wait()` does; nearly all calls go this way, and a promise less is a microsecond less.
  try {
    first.answered(await first.sent)
  } catch (error) {
    first.failed(error)
  }
  return answerOf(first, call)
}

/** @throws ForeignPathError, and the reason of a signal that has aborted */
function callOf(
  target: Target,
  targetOf: TargetOfOrigin,
  caller: Caller,
  path: string | URL | Request,
  init: FetchInit | undefined,
  now: number
): FetchCall {
  const request = typeof path !== 'string' && path instanceof Request ? path : undefined
  const url = resolvePath(target.name, target.origin, request?.url ?? (path as string | URL))
  const signal = (init?.signal === undefined ? request?.signal : init.signal) ?? undefined
  signal?.throwIfAborted()
  const method = (init?.method ?? request?.method ?? 'GET').toUpperCase()
  const due = Math.min(now + target.rules.timeout, caller.deadline)
  const input = request ?? url
  target.counts.calls++
  return { target, targetOf, caller, input, init, method, signal, due, tries: 0 }
}

/** The answer of the last try, or that of further ones where it failed and they may help. */
function answerOf(last: FetchTry, call: FetchCall): Response | Promise<Response> {
  return last.attempt.hasFailed ? tryAgain(last, call) : last.answer
}

async function tryAgain(failed: FetchTry, call: FetchCall): Promise<Response> {
  const { target, caller, signal } = call
  let last = failed
  for (;;) {
    const wait = waitAfter(last.attempt, call)
    if (wait === undefined) return last.answer
    last.discard()
    const takenAt = monotonicClock()
    try {
      await pause(target, caller, signal, wait)
      last = beginTry(call, monotonicClock())
    } catch (error) {
      target.budget.giveBack(takenAt, monotonicClock())
      throw error
    }
    await last.wait()
  }
}

/** Returns how many milliseconds to wait before the next try; `undefined` when there is none. */
function waitAfter(last: Try, call: FetchCall): number | undefined {
  const { target, input, init, due, tries } = call
  if (!last.hasFailed || call.signal?.aborted || tries > target.rules.retries) return undefined
  const request = typeof input === 'string' ? undefined : input
  return decideAbout(target, last.mayRetry, {
    method: call.method,
    headers: new Headers(init?.headers ?? request?.headers),
    // The body of a Request is a stream, whatever it was made of.
    isBodyRepeatable: isRepeatable(init?.body ?? request?.body),
    wasSent: last.wasSent,
    number: tries,
    retryAfter: last.retryAfter,
    due
  })
}
