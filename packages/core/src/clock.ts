/**
 * A source of time in milliseconds. Only differences between two readings mean anything.
 */
export type Clock = () => number

/**
 * Reads milliseconds since the process started. It never goes back, whatever happens to the wall
 * clock, and resolves well below a microsecond. The default clock of every engine in the suite.
 */
export const monotonicClock: Clock = () => performance.now()
