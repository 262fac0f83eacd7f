/**
 * Errors that nobody caught. They shut the service down, unless somebody else in the process listens
 * for them: then ours is no listener at all. Error reporters exit only where no other listener exists,
 * and two that wait for each other would leave a process that never ends.
 */
import { describe } from '@holdfast/core/options'
import { messageOf } from '../error-text.ts'
import { allMembers, isShuttingDown, markFailed, shutDownAll } from './apps.ts'
import { listen, otherListeners, unlisten } from './process-listeners.ts'

/** The events of the process that tell of an error nobody caught. */
export const ERROR_EVENTS = ['uncaughtException', 'unhandledRejection'] as const

/** How many such errors are logged. A failing log may cause the next one. */
const MAX_REPORTS = 10
/** How many exceptions one turn of the event loop may bring. After more, the loop may never turn. */
const MAX_EXCEPTIONS_A_TURN = 100

let reports = 0
let exceptions = 0

/**
 * Listens to errors, or stops to listen, as the apps ask for and others allow.
 *
 * @param joining an event that somebody else is about to listen to
 */
export function arrangeErrorListeners(joining?: string): void {
  // A shutdown keeps the listeners it began with.
  if (isShuttingDown()) return
  arrange('uncaughtException', onException, joining)
  // In the strict mode of Node a rejection comes as an exception.
  if (rejectionMode() !== 'strict') arrange('unhandledRejection', onRejection, joining)
}

function arrange(
  event: (typeof ERROR_EVENTS)[number],
  listener: (error: unknown, origin: never) => void,
  joining: string | undefined
): void {
  const wishes = allMembers().map(({ errors }) => errors)
  const alone = joining !== event && otherListeners(event).length === 0
  const ends = event === 'uncaughtException' || rejectionMode() === 'throw'
  const wanted = wishes.includes('drain') || (wishes.includes('drain-if-alone') && alone && ends)
  if (wanted) listen(event, listener)
  else unlisten(event)
}

/** What Node does with a rejection that nobody handles, by `--unhandled-rejections`. */
function rejectionMode(): string {
  const options = [...process.execArgv, process.env['NODE_OPTIONS']].join(' ')
  return /--unhandled-rejections[= ]([a-z-]+)/.exec(options)?.[1] ?? 'throw'
}

function onException(thrown: unknown, origin: string): void {
  markFailed()
  if (exceptions === 0) {
    setImmediate(() => {
      exceptions = 0
    })
  }
  exceptions++
  // In such a loop no timer ever ends a shutdown.
  if (exceptions > MAX_EXCEPTIONS_A_TURN) process.exit(1)
  const message = report(thrown, 'thrown', origin)
  shutDownAll({ reason: origin, crash: message }, true)
}

function onRejection(reason: unknown): void {
  // What a shutdown interrupts often rejects.
  if (isShuttingDown()) {
    report(reason, 'the reason of a rejected promise', 'unhandledRejection during the shutdown')
  } else {
    markFailed()
    const message = report(reason, 'the reason of a rejected promise', 'unhandledRejection')
    shutDownAll({ reason: 'unhandledRejection', crash: message }, true)
  }
}

/** Logs the error, and returns its message. */
function report(thrown: unknown, what: string, origin: string): string {
  const error = asError(thrown, what)
  const message = messageOf(error)
  reports++
  if (reports <= MAX_REPORTS) {
    const last = reports === MAX_REPORTS ? ' (further errors are not logged)' : ''
    // One log is enough, if there is one left.
    const [member] = allMembers()
    /* c8 ignore next 2 -- the few ticks between the last close and the exit */
    if (member === undefined) console.error(`${origin}: ${message}${last}`)
    else member.report(error, `${origin}: ${message}${last}`)
  }
  return message
}

function asError(thrown: unknown, what: string): Error {
  try {
    if (thrown instanceof Error) return thrown
    return new Error(`${describe(thrown)} was ${what}`)
  } catch {
    return new Error(`something that cannot be shown was ${what}`)
  }
}
