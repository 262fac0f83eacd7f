/**
 * The text of errors that come from anywhere, as it may be written down: of any type, with members
 * that may throw, with secrets in their URLs.
 */
import { printable, withoutSecrets } from '@holdfast/core'
import { describe } from '@holdfast/core/options'

const MAX_LENGTH = 1000
/** Causes may go in a circle. */
const MAX_CAUSES = 5

/** The message of an error, or a description of what was thrown in its place. Never throws. */
export function messageOf(error: unknown): string {
  try {
    if (!(error instanceof Error)) return `${describe(error)} was thrown`
    return clean(String(error.message)) || 'an error without a message'
  } catch {
    return 'an error that cannot be shown'
  }
}

/**
 * The message of an error with its code, and with those of what caused it: `fetch failed` alone says
 * nothing. Never throws.
 */
export function reasonOf(error: unknown): string {
  const reasons: string[] = []
  let next = error
  do {
    const message = messageOf(next)
    const code = memberOf(next, 'code')
    const isNews = typeof code === 'string' && !message.includes(code)
    reasons.push(isNews ? `${message} (${clean(code)})` : message)
    next = memberOf(next, 'cause')
  } while (next !== undefined && reasons.length < MAX_CAUSES)
  return reasons.join(': ')
}

function memberOf(error: unknown, name: 'cause' | 'code'): unknown {
  try {
    return error instanceof Error ? Reflect.get(error, name) : undefined
  } catch {
    return undefined
  }
}

function clean(text: string): string {
  return printable(withoutSecrets(text, []), MAX_LENGTH)
}
