/**
 * The one shutdown of an app, from whatever cause, with what the log says of it.
 */
import { type Clock, channel, type GuardedLog, takePreCloseHooks } from '@holdfast/core'
import type { FastifyInstance } from 'fastify'
import type { Pause } from '../attempt.ts'
import { Drain, type Report, type ShutdownPlan } from '../drain.ts'
import { runsOnTerminal } from '../options.ts'
import type { Phases } from '../phases.ts'
import { budgetFor, type ShutdownBudget } from '../shutdown-budget.ts'
import type { Steps } from '../steps.ts'
import type { Cause } from './apps.ts'
import type { Service } from './service.ts'

/** A service has shut down, or an `app.close()` is about to return. */
export interface LifecycleShutdown extends Report {
  /** The service. */
  readonly app: FastifyInstance
}

declare module '@holdfast/core' {
  interface ChannelPayloads {
    'holdfast:lifecycle:shutdown': LifecycleShutdown
  }
}

const shutdowns = channel('holdfast:lifecycle:shutdown')

/** Begins the shutdown once. Later calls join it. */
export class Shutdown {
  readonly #app: FastifyInstance
  readonly #log: GuardedLog
  readonly #budget: ShutdownBudget
  readonly #phases: Phases
  readonly #service: Service
  readonly #steps: Steps
  readonly #drain: Drain
  #booted = false

  constructor(
    app: FastifyInstance,
    log: GuardedLog,
    budget: ShutdownBudget,
    phases: Phases,
    service: Service,
    steps: Steps,
    clock: Clock
  ) {
    this.#app = app
    this.#log = log
    this.#budget = budget
    this.#phases = phases
    this.#service = service
    this.#steps = steps
    this.#drain = new Drain(phases, service, steps, pause, clock)
    app.addHook('onReady', async () => {
      this.#booted = true
      // Added last it runs first, before Fastify itself begins to close, and unlike preClose is not
      // cut short by `pluginTimeout`.
      app.addHook('onClose', () => this.#beforeClose())
    })
    app.addHook('preClose', async () => {
      // For an app that closes without ever having been ready.
      if (!this.#booted) await this.#beforeClose()
    })
  }

  /** Whether the boot is done. */
  get booted(): boolean {
    return this.#booted
  }

  /** Shuts down because of a signal, a crash or a call. */
  begin({ reason, signal, crash }: Cause): Promise<Report> {
    const listening = this.#app.server.listening
    const onTerminal = runsOnTerminal()
    const crashed = crash !== undefined
    const booted = this.#booted
    return this.#run({
      reason,
      budget: budgetFor(this.#budget, { crashed, onTerminal, signal, listening, booted }),
      close: () => this.#app.close(),
      unlimitedClose: false,
      problem: crash ?? (booted ? undefined : 'stopped before the boot was done')
    })
  }

  /** Joins an `app.close()` that somebody else called, and holds it until the rest is done. */
  async #beforeClose(): Promise<void> {
    if (this.#phases.current === 'draining') {
      this.#log.warn('app.close() was called by somebody else, which ends the drain delay')
    }
    this.#service.beginClosing()
    void this.#run({
      reason: 'app.close()',
      budget: this.#budget,
      close: () => this.#service.closed,
      unlimitedClose: true
    })
    await this.#drain.hooksEnded
    // Fastify itself waits for the requests of its first server only, and not until a complete
    // answer has reached its reader: Node takes that connection for idle and destroys it.
    if (this.#steps.count > 0 || this.#service.isBusy) await this.#drain.readyToClose
  }

  async #run(cause: Omit<ShutdownPlan, 'preCloseHooks' | 'hookTimeout'>): Promise<Report> {
    const plan = {
      ...cause,
      // Before the end of the boot the lists are not complete.
      preCloseHooks: () => (this.#booted ? takePreCloseHooks(this.#app) : []),
      hookTimeout: this.#app.initialConfig.pluginTimeout || Infinity
    }
    if (this.#drain.begun) return this.#drain.run(plan)
    const { reason, budget } = plan
    const inFlight = this.#service.inFlight.count
    this.#log.info({ reason, inFlight, ...budget }, `shutting down: ${reason}`)
    const report = await this.#drain.run(plan)
    const { clean, ...facts } = report
    if (clean) this.#log.info(facts, 'shut down')
    else this.#log.error(facts, 'shut down, but not everything was finished')
    if (shutdowns.hasSubscribers) shutdowns.publish({ app: this.#app, ...report })
    return report
  }
}

/** Waits by Node's timers. They keep the process alive: until the wait is over, work is under way. */
const pause: Pause = (milliseconds, until) =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds, false)
    until.then(() => {
      clearTimeout(timer)
      resolve(true)
    })
  })
