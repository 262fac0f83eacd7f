/**
 * An error as the line shows it.
 */
import { printable, printableLines, withoutQuery } from '@holdfast/core'

/** What is written of an error. */
export interface ErrorField {
  /** The name of its class, or the code of Node's parser. */
  readonly type: string
  readonly message?: string | undefined
  /** Its `code`; `undefined` when it has none. */
  readonly code?: string | undefined
  /** Its stack and those of its causes; only where the service is to blame. */
  readonly stack?: string | undefined
}

const MAX_CAUSES = 5
const MAX_NAME_LENGTH = 128
const MAX_MESSAGE_LENGTH = 1024
const MAX_STACK_LENGTH = 8192

/**
 * Describes whatever was thrown. Never throws itself.
 *
 * @param target the target of the request; its query is left out where the error repeats it
 */
export function describeError(error: unknown, withStack: boolean, target = ''): ErrorField {
  try {
    const text = (value: unknown, limit: number): string =>
      printableLines(withoutQuery(String(value), target), limit)
    if (typeof error !== 'object' || error === null) {
      return { type: typeof error, message: text(error, MAX_MESSAGE_LENGTH) }
    }
    const { name, message, code } = error as Partial<NodeJS.ErrnoException>
    const stack = withStack ? stackOf(error) : undefined
    return {
      type: printable(String(name ?? 'Object'), MAX_NAME_LENGTH),
      message: text(message ?? '', MAX_MESSAGE_LENGTH),
      code: typeof code === 'string' ? printable(code, MAX_NAME_LENGTH) : undefined,
      stack: stack === undefined ? undefined : text(stack, MAX_STACK_LENGTH)
    }
  } catch {
    return { type: 'unreadable' }
  }
}

function stackOf(error: object): string | undefined {
  const stacks: string[] = []
  let current: unknown = error
  while (current instanceof Error && stacks.length <= MAX_CAUSES) {
    stacks.push(current.stack ?? current.message)
    current = current.cause
  }
  return stacks.length === 0 ? undefined : stacks.join('\ncaused by: ')
}
