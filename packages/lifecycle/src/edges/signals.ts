/**
 * What reaches the process and concerns every app in it: signals and crashes. However many apps
 * there are, the process has one listener for each, and none when the last app has closed.
 */
import { constants } from 'node:os'
import { monotonicClock } from '@holdfast/core'
import { describe } from '@holdfast/core/options'
import { exitAfter } from './exit.ts'

/** An app of this process. */
export interface Member {
  readonly signals: readonly string[]
  /** Whether crashes are caught and reported. */
  readonly guard: boolean
  /** Whether the process may exit when the app has closed. */
  readonly exit: boolean
  /** The longest that its shutdown takes, in milliseconds. */
  readonly limit: number
  /** Shuts down once, and resolves to whether nothing was lost. Called again, to the same. */
  shutDown(cause: Cause): Promise<boolean>
  /** Logs an error that nobody caught. */
  report(error: Error, message: string): void
}

/** Why an app shuts down. */
export interface Cause {
  readonly reason: string
  readonly signal?: string
  readonly crash?: Error
}

/** How long the same signal counts as sent once, in milliseconds: terminals and package managers repeat it. */
const DUPLICATE_WITHIN = 1000
/** What close-with-grace grants beyond the longest shutdown, in milliseconds. */
const MARGIN = 1000

/** Node calls it with a signal, or with an error and where it came from. */
type Listener = (cause: never, origin: never) => void

const members = new Set<Member>()
const installed = new Map<string, Listener>()
let signalledAt: number | undefined
let crashed = false
let shutdowns = 0
let exiting = false

/** Adds an app to those of the process. Returns the function that removes it. */
export function register(member: Member): () => void {
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
  if (members.size > 0 || shutdowns > 0) return
  for (const [event, listener] of installed) process.off(event, listener as () => void)
  installed.clear()
  signalledAt = undefined
}

/**
 * Shuts down every app of the process, and then exits if `exit` says so. `also` are apps that may
 * have closed, and so been removed, already.
 */
export function shutDownAll(cause: Cause, exit: boolean, also: Iterable<Member> = []): void {
  if (exiting) return
  const all = [...new Set([...members, ...also])]
  shutdowns++
  exiting = exit
  const work = async (): Promise<boolean> => {
    const clean = await Promise.all(all.map((member) => member.shutDown(cause)))
    // Node reports a rejection of the last moment one turn later.
    await new Promise(setImmediate)
    shutdowns--
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
    shutDownAll({ reason: signal, signal }, mayExit())
  } else if (now - signalledAt >= DUPLICATE_WITHIN && exiting) {
    console.error(`${signal} again: exiting at once.`)
    process.exit(128 + constants.signals[signal])
  }
}

function onException(error: unknown, origin: string): void {
  const crash = asError(error, 'thrown')
  crashed = true
  tell(crash, `${origin}: ${crash.message}`)
  shutDownAll({ reason: origin, crash }, true)
}

function onRejection(error: unknown): void {
  const crash = asError(error, 'the reason of a rejected promise')
  // What a shutdown interrupts often rejects.
  if (shutdowns > 0) tell(crash, `unhandledRejection during the shutdown: ${crash.message}`)
  else onException(crash, 'unhandledRejection')
}

function asError(error: unknown, what: string): Error {
  return error instanceof Error ? error : new Error(`${describe(error)} was ${what}`)
}

/** One log is enough, if there is one left. */
function tell(error: Error, message: string): void {
  const [member] = members
  /* c8 ignore next 2 -- the few ticks between the last close and the exit */
  if (member === undefined) console.error(message, error)
  else member.report(error, message)
}
