/**
 * The last lines, brought out before the app is closed.
 */
import type { RequestLogger } from '../options.ts'

const PATIENCE = 2000

/** Resolves when the logger has flushed, or has taken two seconds, or has failed. Never rejects. */
export async function flushed(logger: RequestLogger, patience: number = PATIENCE): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, patience)
    const done = (): void => {
      clearTimeout(timer)
      resolve()
    }
    try {
      if (logger.flush === undefined) done()
      else logger.flush(done)
    } catch {
      done()
    }
  })
}
