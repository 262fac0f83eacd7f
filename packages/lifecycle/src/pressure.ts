/** How hard the process is pressed: the latest sample; all zero until the first. */
export interface Pressure {
  /** How late the event loop was, in milliseconds: the mean of the last quarter of a second. */
  readonly eventLoopDelay: number
  /** The part of the time the event loop was busy, 0 to 1. */
  readonly eventLoopUtilization: number
  /** The heap in use, in bytes. */
  readonly heapUsed: number
  /** The memory of the process, in bytes. */
  readonly rssBytes: number
}

/** The pressure of which nothing is known yet. */
export const NO_PRESSURE: Pressure = Object.freeze({
  eventLoopDelay: 0,
  eventLoopUtilization: 0,
  heapUsed: 0,
  rssBytes: 0
})

/**
 * When to come back, in whole seconds: from `shortest` milliseconds to twice as long, drawn evenly,
 * so that those who were refused together do not come back together.
 *
 * @param chance at least 0, less than 1
 */
export function retryAfter(shortest: number, chance: number): number {
  const seconds = Math.max(1, Math.ceil(shortest / 1000))
  return seconds + Math.floor(chance * (seconds + 1))
}
