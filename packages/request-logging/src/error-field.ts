/**
 * An error as the line shows it.
 */
import { printable } from './masking.ts'

/** What is written of an error. */
export interface ErrorField {
  /** The name of its class, or the code of Node's parser. */
  readonly type: string
  readonly message?: string | undefined
  /** Its `code`, where it has one. */
  readonly code?: string | undefined
  /** Its stack and those of its causes, for what the service is to blame for. */
  readonly stack?: string | undefined
}

const MAXIMUM_CAUSES = 5

/** Describes whatever was thrown. Never throws itself. */
export function describeError(error: unknown, withStack: boolean): ErrorField {
  try {
    if (typeof error !== 'object' || error === null) {
      return { type: typeof error, message: printable(String(error)) }
    }
    const { name, message, code } = error as Partial<NodeJS.ErrnoException>
    return {
      type: printable(String(name ?? 'Object')),
      message: printable(String(message ?? '')),
      code: typeof code === 'string' ? printable(code) : undefined,
      stack: withStack ? stackOf(error) : undefined
    }
  } catch {
    return { type: 'unreadable' }
  }
}

function stackOf(error: object): string | undefined {
  const stacks: string[] = []
  let current: unknown = error
  while (current instanceof Error && stacks.length <= MAXIMUM_CAUSES) {
    stacks.push(current.stack ?? current.message)
    current = current.cause
  }
  return stacks.length === 0 ? undefined : printable(stacks.join('\ncaused by: '))
}
