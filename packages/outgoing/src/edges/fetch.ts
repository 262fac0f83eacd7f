/**
 * A call by `fetch`: its tries, and the waits between them.
 */
import { monotonicClock } from '@holdfast/core'
import type { Caller } from '../caller.ts'
import { resolvePath } from '../origin.ts'
import { isRepeatable } from '../repeatable-body.ts'
import { decideAbout } from './decision.ts'
import { beginTry, type FetchCall, type FetchInit } from './fetch-try.ts'
import { hedged } from './hedged-try.ts'
import { pause } from './pause.ts'
import type { Target } from './target.ts'
import type { Try } from './try.ts'
import type { TargetOfOrigin } from './try-dispatcher.ts'

/**
 * Makes a call. Settles as `fetch` does, except that it rejects with our own errors as they are, not as
 * the cause of another one.
 */
export async function callByFetch(
  target: Target,
  targetOf: TargetOfOrigin,
  caller: Caller,
  path: string | URL | Request,
  init: FetchInit = {}
): Promise<Response> {
  const request = path instanceof Request ? path : undefined
  const url = resolvePath(target.name, target.rules.origin, request?.url ?? (path as string | URL))
  const signal = (init.signal === undefined ? request?.signal : init.signal) ?? undefined
  signal?.throwIfAborted()
  const method = (init.method ?? request?.method ?? 'GET').toUpperCase()
  const now = monotonicClock()
  const due = Math.min(now + target.rules.timeout, caller.deadline)
  const input = request ?? url
  const call: FetchCall = { target, targetOf, caller, input, init, method, signal, due, tries: 0 }
  target.counts.calls++
  let last = await hedged(beginTry(call), call)
  for (;;) {
    const wait = waitAfter(last.attempt, call)
    if (wait === undefined) return last.answer
    last.discard()
    const takenAt = monotonicClock()
    try {
      await pause(target, caller, signal, wait)
      last = beginTry(call)
    } catch (error) {
      target.budget.giveBack(takenAt, monotonicClock())
      throw error
    }
    await last.ended
  }
}

/** Returns how many milliseconds to wait before the next try; `undefined` when there is none. */
function waitAfter(last: Try, call: FetchCall): number | undefined {
  const { target, caller, input, init, due, tries } = call
  if (!last.hasFailed || call.signal?.aborted || tries > target.rules.retries) return undefined
  const request = typeof input === 'string' ? undefined : input
  return decideAbout(target, caller, {
    method: call.method,
    headers: new Headers(init.headers ?? request?.headers),
    // The body of a Request is a stream, whatever it was made of.
    isBodyRepeatable: isRepeatable(init.body ?? request?.body),
    wasSent: last.wasSent,
    number: tries,
    retryAfter: last.retryAfter,
    due
  })
}
