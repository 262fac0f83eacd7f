/**
 * What a failure says about when to come back: the `Retry-After` of RFC 9110, section 10.2.3, seconds or
 * a date.
 */
import { parseRetryAfter } from '@holdfast/core'

/**
 * Milliseconds that a failure asks to be left alone for, 0 when it does not say. Looked for in the
 * `headers` of the failure itself, of its `response` and of its `cause`: an object of headers, or
 * `Headers` as `fetch` has them.
 */
export function retryAfterOf(failure: unknown): number {
  try {
    const cause = memberOf(failure, 'cause')
    const holders = [failure, memberOf(failure, 'response'), cause, memberOf(cause, 'response')]
    for (const holder of holders) {
      const header = headerOf(memberOf(holder, 'headers'))
      if (header !== undefined) return parseRetryAfter(header)
    }
  } catch {
    // A getter that throws: nothing is said.
  }
  return 0
}

function memberOf(holder: unknown, name: string): unknown {
  return typeof holder === 'object' && holder !== null ? Reflect.get(holder, name) : undefined
}

function headerOf(headers: unknown): unknown {
  if (headers instanceof Headers) return headers.get('retry-after') ?? undefined
  return memberOf(headers, 'retry-after')
}
