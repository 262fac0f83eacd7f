/**
 * How long each part of a shutdown may take.
 */

/** The parts of a shutdown, in milliseconds. Their sum is the longest it takes. */
export interface ShutdownBudget {
  /** Everything is still served while balancers take notice. */
  readonly drainDelay: number
  /** Then the listeners are closed, and requests in flight may finish. */
  readonly finishTimeout: number
  /** Then the app's own `onClose` hooks run. */
  readonly closeTimeout: number
}

/** What a shutdown's budget depends on. */
export interface Circumstances {
  /** Whether the state of the process is unknown after a crash. */
  readonly crashed: boolean
  /** Whether somebody waits at a terminal. */
  readonly onTerminal: boolean
  /** The signal that asked for it, if one did. */
  readonly signal: string | undefined
  /** Whether clients can send requests. */
  readonly listening: boolean
  /** Whether the boot is done. */
  readonly booted: boolean
}

/**
 * The budget of one shutdown. The delay is for balancers: there is none for a service that does not
 * listen, after a crash, or for Ctrl-C on a terminal. After a crash requests in flight get no longer
 * than `closeTimeout`. An app that is still booting has no requests that could need their time, and
 * cannot close before its boot has ended: the close gets both.
 */
export function budgetFor(budget: ShutdownBudget, circumstances: Circumstances): ShutdownBudget {
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
export function total({ drainDelay, finishTimeout, closeTimeout }: ShutdownBudget): number {
  return drainDelay + finishTimeout + closeTimeout
}

/** The warning for a budget that does not fit into the grace period; `undefined` if it fits. */
export function overrun(budget: ShutdownBudget, gracePeriod: number): string | undefined {
  const sum = total(budget)
  if (sum <= gracePeriod) return undefined
  const { drainDelay, finishTimeout, closeTimeout } = budget
  return `a shutdown may take drainDelay ${drainDelay} ms + finishTimeout ${finishTimeout} ms + closeTimeout ${closeTimeout} ms = ${sum} ms, longer than the gracePeriod of ${gracePeriod} ms: it may be killed before it is done. Shorten a part, or raise gracePeriod together with the orchestrator's own limit.`
}
