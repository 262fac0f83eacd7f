import type { Pause } from '../drain.ts'

/** Waits by Node's timers. They keep the process alive: until it is over, something is under way. */
export const pause: Pause = (milliseconds, until) =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds, false)
    until.then(() => {
      clearTimeout(timer)
      resolve(true)
    })
  })
