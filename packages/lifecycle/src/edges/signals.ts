/**
 * The signals that ask the process to end.
 */
import { constants } from 'node:os'
import { monotonicClock } from '@holdfast/core'
import { allMembers, isExiting, isShuttingDown, mayExit, shutDownAll } from './apps.ts'

/**
 * How long the same signal counts as sent once, in milliseconds: terminals and package managers
 * repeat it.
 */
const DUPLICATE_WITHIN = 1000

let signalledAt: number | undefined

/** Shuts all apps down at the first signal, and exits at a second one that is no duplicate. */
export function onSignal(signal: NodeJS.Signals): void {
  const now = monotonicClock()
  if (signalledAt === undefined) {
    signalledAt = now
    shutDownAll({ reason: signal, signal }, mayExit())
    return
  }
  // Others that closed the apps may send the signal again, to end the process. It ends anyway.
  const closed = allMembers().length === 0 && isShuttingDown()
  if (now - signalledAt >= DUPLICATE_WITHIN && isExiting() && !closed) {
    console.error(`${signal} again: exiting at once.`)
    process.exit(128 + constants.signals[signal])
  }
}

/** Forgets the first signal, for apps that come after all others have closed. */
export function forgetSignal(): void {
  signalledAt = undefined
}
