/**
 * The one shutdown of an app, from whatever cause, with what the log says of it.
 */
import type { Clock } from '@holdfast/core'
import type { FastifyInstance } from 'fastify'
import { type Budget, budgetFor } from '../budget.ts'
import { Drain, type Order, type Report } from '../drain.ts'
import { runsOnTerminal } from '../options.ts'
import type { Phases } from '../phases.ts'
import type { Steps } from '../steps.ts'
import { pause } from './pause.ts'
import type { Service } from './service.ts'
import type { Cause } from './signals.ts'

/** Begins the shutdown once; whoever comes later joins it. */
export class Departure {
  readonly #app: FastifyInstance
  readonly #budget: Budget
  readonly #service: Service
  readonly #drain: Drain
  #booted = false

  constructor(
    app: FastifyInstance,
    budget: Budget,
    phases: Phases,
    service: Service,
    steps: Steps,
    clock: Clock
  ) {
    this.#app = app
    this.#budget = budget
    this.#service = service
    this.#drain = new Drain(phases, service, steps, pause, clock)
    app.addHook('onReady', async () => {
      this.#booted = true
    })
  }

  /** Resolves when nothing but the close is left to do. */
  get readyToClose(): Promise<void> {
    return this.#drain.readyToClose
  }

  /** Leaves because of a signal, a crash or a call. */
  leave({ reason, signal, crash }: Cause): Promise<Report> {
    const listening = this.#app.server.listening
    const onTerminal = runsOnTerminal()
    const crashed = crash !== undefined
    const booted = this.#booted
    return this.#begin({
      reason,
      budget: budgetFor(this.#budget, { crashed, onTerminal, signal, listening, booted }),
      close: () => this.#app.close(),
      patient: false,
      problem: crash?.message ?? (booted ? undefined : 'stopped before the boot was done')
    })
  }

  /** Goes along with an `app.close()` that somebody else called. */
  accompany(): void {
    this.#service.beginClosing()
    void this.#begin({
      reason: 'app.close()',
      budget: this.#budget,
      close: () => this.#service.closed,
      patient: true
    })
  }

  async #begin(order: Order): Promise<Report> {
    if (this.#drain.begun) return this.#drain.run(order)
    const { reason, budget } = order
    const inFlight = this.#service.inFlight.count
    this.#app.log.info({ reason, inFlight, ...budget }, `shutting down: ${reason}`)
    const report = await this.#drain.run(order)
    const { clean, ...facts } = report
    if (clean) this.#app.log.info(facts, 'shut down')
    else this.#app.log.error(facts, 'shut down, but not everything was finished')
    return report
  }
}
