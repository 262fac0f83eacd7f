/**
 * What reaches the process and concerns every app in it: signals and crashes. However many apps
 * there are, the process has one listener for each, and none when the last app has closed.
 */
import { constants } from 'node:os'
import { describe, monotonicClock } from '@holdfast/core'
import { exitAfter } from './exit.ts'

/** An app of this process. */
export interface Member {
  readonly signals: readonly string[]
  /** A crash is for us to report. */
  readonly guard: boolean
  /** The process may exit when the app has closed. */
  readonly exit: boolean
  /** The longest that leaving takes, in milliseconds. */
  readonly limit: number
  /** Leaves once, and resolves to whether nothing was lost. Asked again it resolves to the same. */
  leave(cause: Cause): Promise<boolean>
  /** Tells of an error that is nobody's. */
  report(error: Error, message: string): void
}

/** Why an app is asked to leave. */
export interface Cause {
  readonly reason: string
  readonly signal?: string
  readonly crash?: Error
}

/** Package managers and terminals send the same signal again, at once. */
const DUPLICATE = 1000
/** What close-with-grace grants beyond the time that we do not exceed ourselves. */
const MARGIN = 1000

/** Node calls it with a signal, or with an error and where it came from. */
type Listener = (cause: never, origin: never) => void

const members = new Set<Member>()
const installed = new Map<string, Listener>()
let signalledAt: number | undefined
let crashed = false
let leaving = 0
let exiting = false

/** Enters an app. Returns what takes it off again. */
export function enter(member: Member): () => void {
  members.add(member)
  for (const signal of member.signals) install(signal, onSignal)
  if (member.guard) {
    install('uncaughtException', onException)
    install('unhandledRejection', onRejection)
  }
  return () => {
    members.delete(member)
    uninstall()
  }
}

function install(event: string, listener: Listener): void {
  if (installed.has(event)) return
  installed.set(event, listener)
  process.on(event, listener as () => void)
}

function uninstall(): void {
  // Until the exit a second signal still means what it meant.
  if (members.size > 0 || leaving > 0) return
  for (const [event, listener] of installed) process.off(event, listener as () => void)
  installed.clear()
  signalledAt = undefined
}

/**
 * Lets every app of the process leave, and then exits if `exit` says so. `also` is an app that may
 * have left the list already.
 */
export function leaveAll(cause: Cause, exit: boolean, also: Iterable<Member> = []): void {
  if (exiting) return
  const all = [...new Set([...members, ...also])]
  leaving++
  exiting = exit
  const work = async (): Promise<boolean> => {
    const clean = await Promise.all(all.map((member) => member.leave(cause)))
    // A promise that was rejected by the last thing done is told of a turn later.
    await new Promise(setImmediate)
    leaving--
    return clean.every(Boolean) && !crashed
  }
  if (exit) exitAfter(work, Math.max(...all.map(({ limit }) => limit)) + MARGIN)
  else void work().then(uninstall)
}

function mayExit(): boolean {
  return [...members].some(({ exit }) => exit)
}

function onSignal(signal: NodeJS.Signals): void {
  const now = monotonicClock()
  if (signalledAt === undefined) {
    signalledAt = now
    leaveAll({ reason: signal, signal }, mayExit())
  } else if (now - signalledAt >= DUPLICATE && exiting) {
    console.error(`${signal} again: exiting at once.`)
    process.exit(128 + constants.signals[signal])
  }
}

function onException(error: unknown, origin: string): void {
  const crash = asError(error, 'thrown')
  crashed = true
  tell(crash, `${origin}: ${crash.message}`)
  leaveAll({ reason: origin, crash }, true)
}

function onRejection(error: unknown): void {
  const crash = asError(error, 'the reason of a rejected promise')
  // What is interrupted on the way out often rejects.
  if (leaving > 0) tell(crash, `unhandledRejection during the shutdown: ${crash.message}`)
  else onException(crash, 'unhandledRejection')
}

function asError(error: unknown, what: string): Error {
  return error instanceof Error ? error : new Error(`${describe(error)} was ${what}`)
}

/** One log will do, if there is one left. */
function tell(error: Error, message: string): void {
  const [member] = members
  /* c8 ignore next 2 -- the few ticks between the last close and the exit */
  if (member === undefined) console.error(message, error)
  else member.report(error, message)
}
