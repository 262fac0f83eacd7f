/** How hard the process is pressed: the latest sample; all zero until the first. */
export interface Pressure {
  /** How late the event loop was on average over a quarter of a second, in milliseconds. */
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

/** What the pressure may be: none of its members more than that. 0 is no threshold. */
export interface Thresholds {
  readonly maxEventLoopDelay: number
  readonly maxEventLoopUtilization: number
  readonly maxHeapUsedBytes: number
  readonly maxRssBytes: number
}

/** Whether one of the thresholds is exceeded. */
export function isExceeded(pressure: Pressure, thresholds: Thresholds): boolean {
  return (
    exceeds(pressure.eventLoopDelay, thresholds.maxEventLoopDelay) ||
    exceeds(pressure.eventLoopUtilization, thresholds.maxEventLoopUtilization) ||
    exceeds(pressure.heapUsed, thresholds.maxHeapUsedBytes) ||
    exceeds(pressure.rssBytes, thresholds.maxRssBytes)
  )
}

function exceeds(value: number, threshold: number): boolean {
  return threshold > 0 && value > threshold
}

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
