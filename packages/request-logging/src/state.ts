/**
 * What a registration knows of its lines, for metrics and consoles to read.
 */

/** What became of the requests of a registration, each counted once when it was over. */
export interface RequestLoggingState {
  /** Lines that the logger took. */
  readonly written: number
  /** Requests without a line because `sample` left it out. */
  readonly sampledOut: number
  /** Requests without a line because of `silent`, of their route, or of the level of the logger. */
  readonly silent: number
  /** Lines that are lost because the logger threw. */
  readonly failed: number
}

declare module '@holdfast/core' {
  interface States {
    '@holdfast/request-logging': RequestLoggingState
  }
}
