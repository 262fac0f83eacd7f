/**
 * The end of the process. close-with-grace runs the work and holds the last deadline over it; the
 * exit code is ours.
 */
import closeWithGrace from 'close-with-grace'

/** All that close-with-grace would listen to. What it does on them is not wanted here. */
const EVERY_EVENT: closeWithGrace.AllEvents[] = [
  'SIGHUP',
  'SIGINT',
  'SIGQUIT',
  'SIGILL',
  'SIGTRAP',
  'SIGABRT',
  'SIGBUS',
  'SIGFPE',
  'SIGSEGV',
  'SIGUSR2',
  'SIGTERM',
  'uncaughtException',
  'unhandledRejection',
  'beforeExit'
]

/**
 * Does the work, then exits: with 0, or the `process.exitCode` that was set, when the work resolves
 * to `true`; with 1, or a `process.exitCode` that is not 0, otherwise. Work that is not done after
 * `limit` milliseconds ends with 1.
 */
export function exitAfter(work: () => Promise<boolean>, limit: number): void {
  const { close } = closeWithGrace(
    {
      delay: limit,
      skip: EVERY_EVENT,
      onTimeout: () => console.error(`The shutdown was not done after ${limit} ms: exiting.`)
    },
    async () => {
      const clean = await work()
      process.exit(clean ? process.exitCode : Number(process.exitCode) || 1)
    }
  )
  close()
}
