/**
 * An error as the line shows it.
 */
import { printable, printableLines, withoutSecrets } from '@holdfast/core'

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

/** How many errors beside the first one are told: causes, and members of an AggregateError. */
const MAX_RELATED = 5
const MAX_NAME_LENGTH = 128
const MAX_MESSAGE_LENGTH = 1024
const MAX_STACK_LENGTH = 8192

/**
 * Describes whatever was thrown. Never throws itself.
 *
 * @param secrets the parts of the request's target that are left out where the error repeats them
 */
export function describeError(
  error: unknown,
  withStack: boolean,
  secrets: readonly string[] = []
): ErrorField {
  try {
    const clean = (value: unknown): string => withoutSecrets(String(value), secrets)
    const text = (value: unknown, limit: number): string => printableLines(clean(value), limit)
    const word = (value: unknown): string => printable(clean(value), MAX_NAME_LENGTH)
    if (typeof error !== 'object' || error === null) {
      return {
        type: error === null ? 'null' : typeof error,
        message: text(error, MAX_MESSAGE_LENGTH)
      }
    }
    const { name, code } = error as Partial<NodeJS.ErrnoException>
    const stack = withStack ? stacksOf(error) : undefined
    return {
      type: word(name ?? 'Object'),
      message: text(messageOf(error), MAX_MESSAGE_LENGTH),
      code: typeof code === 'string' ? word(code) : undefined,
      stack: stack === undefined ? undefined : text(stack, MAX_STACK_LENGTH)
    }
  } catch {
    return { type: 'unreadable' }
  }
}

/** As much of an error as is read. Whatever is thrown may be anything. */
interface ErrorLike {
  readonly name?: unknown
  readonly message?: unknown
  readonly stack?: unknown
  readonly cause?: unknown
  readonly errors?: unknown
}

/** The message; where an AggregateError has none, as Node's of a connection, those of its members. */
function messageOf(error: ErrorLike): unknown {
  const { message } = error
  if (message) return message
  return membersOf(error)
    .map((member) => (isObject(member) ? member.message : member))
    .join('; ')
}

/** An error to be told, and what it is to the one before. */
interface RelatedError {
  readonly relation: '' | 'one of: ' | 'caused by: '
  readonly error: unknown
}

/** The stacks of an error, of the members of an AggregateError, and of all their causes. */
function stacksOf(error: ErrorLike): string | undefined {
  const stacks: string[] = []
  const pending: RelatedError[] = [{ relation: '', error }]
  for (let told = 0; told <= MAX_RELATED; told++) {
    const next = pending.shift()
    if (next === undefined) break
    const { relation, error } = next
    const text = isObject(error) ? error.stack || error.message : error
    if (text !== undefined) stacks.push(relation + String(text))
    if (isObject(error)) pending.unshift(...relatedTo(error))
  }
  return stacks.length === 0 ? undefined : stacks.join('\n')
}

function relatedTo(error: ErrorLike): RelatedError[] {
  const { cause } = error
  const related: RelatedError[] = membersOf(error).map((member) => ({
    relation: 'one of: ',
    error: member
  }))
  if (cause !== undefined && cause !== null) related.push({ relation: 'caused by: ', error: cause })
  return related
}

/**
 * The members of an AggregateError, of a class of its own or of another realm. A property of the same
 * name of other errors may be anything.
 */
function membersOf(error: ErrorLike): readonly unknown[] {
  const { name, errors } = error
  const isAggregate = error instanceof AggregateError || name === 'AggregateError'
  return isAggregate && Array.isArray(errors) ? errors.slice(0, MAX_RELATED) : []
}

function isObject(error: unknown): error is ErrorLike {
  return typeof error === 'object' && error !== null
}
