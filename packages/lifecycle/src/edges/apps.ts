/**
 * The apps of this process, and the shutdown that they have in common.
 */
import { exitAfter } from './exit.ts'

/** An app of this process. */
export interface Member {
  readonly signals: readonly string[]
  /**
   * Whether an error that nobody caught shuts the app down: always, unless somebody else in the
   * process listens for such errors, or never.
   */
  readonly errors: 'drain' | 'drain-if-alone' | 'leave'
  /** Whether the ends of the process that no signal announces shut the app down. */
  readonly watched: boolean
  /** Whether the process may exit when the app has closed. */
  readonly exit: boolean
  /** The longest that its shutdown takes, in milliseconds. */
  readonly limit: number
  /** Whether its boot is done. */
  readonly booted: boolean
  /** Whether its server was closed, by somebody else, while it was ready. */
  readonly lostServer: boolean
  /** Shuts down once, and resolves to whether nothing was lost. Called again, to the same. */
  shutDown(cause: Cause): Promise<boolean>
  /** Logs an error that nobody caught. Never throws. */
  report(error: Error, message: string): void
  /** Logs a warning. Never throws. */
  warn(message: string): void
}

/** Why an app shuts down. */
export interface Cause {
  readonly reason: string
  readonly signal?: string | undefined
  /** The message of the error that nobody caught, after a crash. */
  readonly crash?: string | undefined
}

/** What close-with-grace grants beyond the longest shutdown, in milliseconds. */
const MARGIN = 1000

const members = new Set<Member>()
let shutdowns = 0
let exiting = false
let failed = false
let release: (() => void) | undefined

/** The apps that have not closed. */
export function allMembers(): readonly Member[] {
  return [...members]
}

/** Whether a shutdown of the process is under way. */
export function isShuttingDown(): boolean {
  return shutdowns > 0
}

/** Whether the process exits at the end of the shutdown under way. */
export function isExiting(): boolean {
  return exiting
}

/** Whether the process may exit at the end of a shutdown. */
export function mayExit(): boolean {
  return allMembers().some(({ exit }) => exit)
}

/** Makes the exit code one of a failure, however the shutdown ends. */
export function markFailed(): void {
  failed = true
}

/**
 * Adds an app.
 *
 * @param onFree called once, when no app is left and no shutdown under way
 */
export function addMember(member: Member, onFree: () => void): void {
  members.add(member)
  release = onFree
}

/** Removes an app that has closed. */
export function removeMember(member: Member): void {
  members.delete(member)
  releaseIfFree()
}

function releaseIfFree(): void {
  // Until the exit, a second signal must still find its listener.
  if (members.size > 0 || shutdowns > 0) return
  release?.()
  release = undefined
}

/**
 * Shuts down every app of the process, and then exits if `exit` says so.
 *
 * @param also apps that may have closed, and so been removed, already
 */
export function shutDownAll(cause: Cause, exit: boolean, also: Iterable<Member> = []): void {
  if (exiting) return
  exiting = exit
  const all = [...new Set([...members, ...also])]
  const work = shutDownThese.bind(undefined, all, cause)
  if (exit) exitAfter(work, Math.max(...all.map(({ limit }) => limit)) + MARGIN)
  else void work().then(releaseIfFree)
}

/**
 * Shuts down every app of the process, which then ends by itself, with a `process.exitCode` that
 * tells of a failure.
 */
export async function shutDownBeforeExit(cause: Cause): Promise<void> {
  const clean = await shutDownThese(allMembers(), cause)
  releaseIfFree()
  if (!clean) process.exitCode = Number(process.exitCode) || 1
}

async function shutDownThese(all: readonly Member[], cause: Cause): Promise<boolean> {
  shutdowns++
  const clean = await Promise.all(all.map((member) => member.shutDown(cause)))
  // Node reports a rejection of the last moment one turn later.
  await new Promise(setImmediate)
  shutdowns--
  return clean.every(Boolean) && !failed
}
