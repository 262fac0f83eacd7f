/**
 * Waits for the last lines before the app is closed.
 */
import { contain } from '@holdfast/core'
import type { RequestLogger } from '../options.ts'

const MAX_FLUSH_TIME = 2000

/**
 * Resolves when the requests whose connections were ended together with the server have settled: a
 * socket that was destroyed is closed at the end of the turn, the server at once.
 */
export async function allSettled(): Promise<void> {
  // Immediates run before sockets close in a turn, so that a second one is needed to be behind.
  for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve))
}

/**
 * Resolves when the logger has flushed or has failed, or after `maxTime` milliseconds. Never
 * rejects.
 */
export async function flushed(
  logger: RequestLogger,
  maxTime: number = MAX_FLUSH_TIME
): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, maxTime)
    const done = (): void => {
      clearTimeout(timer)
      resolve()
    }
    try {
      const flushing: unknown = logger.flush === undefined ? done() : logger.flush(done)
      contain(flushing, logger, 'the logger of requestLogging')
    } catch {
      done()
    }
  })
}
