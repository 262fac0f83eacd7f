/**
 * How long each part of a shutdown may take.
 */

/** The parts of a shutdown, in milliseconds. Their sum is the longest it takes. */
export interface Budget {
  /** Everything is still served while balancers take notice. */
  readonly drainDelay: number
  /** Then the listeners are closed, and requests in flight may finish. */
  readonly finishTimeout: number
  /** Then the app's own `onClose` hooks run. */
  readonly closeTimeout: number
}

/** How a shutdown came about. */
export interface Circumstances {
  /** The state of the process is unknown: it leaves as soon as it decently can. */
  readonly crashed: boolean
  /** Somebody sits before it and waits. */
  readonly onTerminal: boolean
  /** The signal that asked for it, if one did. */
  readonly signal: string | undefined
  /** There are clients that could send requests. */
  readonly listening: boolean
  /** The app has finished booting. */
  readonly booted: boolean
}

/**
 * The budget of one shutdown. The delay is for balancers: there is none for a service that does not
 * listen, after a crash, or for Ctrl-C on a terminal. After a crash requests in flight get no longer
 * than `closeTimeout`. An app that is still booting has no requests that could need their time, and
 * cannot close before its boot has ended: the close gets both.
 */
export function budgetFor(budget: Budget, circumstances: Circumstances): Budget {
  const { crashed, onTerminal, signal, listening, booted } = circumstances
  const { drainDelay, finishTimeout, closeTimeout } = budget
  if (!booted && !crashed) {
    return { drainDelay: 0, finishTimeout: 0, closeTimeout: finishTimeout + closeTimeout }
  }
  const interrupted = onTerminal && signal === 'SIGINT'
  return {
    drainDelay: crashed || interrupted || !listening ? 0 : drainDelay,
    finishTimeout: crashed ? Math.min(finishTimeout, closeTimeout) : finishTimeout,
    closeTimeout
  }
}

/** The longest a shutdown takes. */
export function total({ drainDelay, finishTimeout, closeTimeout }: Budget): number {
  return drainDelay + finishTimeout + closeTimeout
}

/** Says what is wrong with a budget that does not fit into the grace period; nothing if it fits. */
export function overrun(budget: Budget, gracePeriod: number): string | undefined {
  const sum = total(budget)
  if (sum <= gracePeriod) return undefined
  const { drainDelay, finishTimeout, closeTimeout } = budget
  return `a shutdown may take drainDelay ${drainDelay} ms + finishTimeout ${finishTimeout} ms + closeTimeout ${closeTimeout} ms = ${sum} ms, longer than the gracePeriod of ${gracePeriod} ms: it may be killed before it is done. Shorten a part, or raise gracePeriod together with the orchestrator's own limit.`
}
