import { setMaxListeners } from 'node:events'
import { channel, enlist, func, monotonicClock, text } from '@holdfast/core'
import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import { overrun, total } from './budget.ts'
import type { CheckFunction, Health } from './checks.ts'
import type { Report } from './drain.ts'
import { Departure } from './edges/departure.ts'
import { checksOf } from './edges/health.ts'
import { watchPressure } from './edges/pressure.ts'
import { answerProbes } from './edges/probes.ts'
import { Service } from './edges/service.ts'
import { type Cause, enter, leaveAll, type Member } from './edges/signals.ts'
import { completeTimeouts } from './edges/timeouts.ts'
import { StepTooLateError } from './errors.ts'
import { type CheckOptions, resolveCheck } from './health-options.ts'
import { type LifecycleOptions, resolveLifecycleOptions } from './options.ts'
import { type Phase, type PhaseChange, Phases } from './phases.ts'
import type { Pressure } from './pressure.ts'
import type { Standing } from './probe-answers.ts'
import {
  checkOrder,
  demandTooMuch,
  type StepFunction,
  type StepOptions,
  stepOf
} from './step-options.ts'
import { Steps } from './steps.ts'

/** A service has entered a phase of its life. */
export interface LifecycleStateChange extends PhaseChange {
  /** The service. */
  readonly app: FastifyInstance
}

/** `app.lifecycle`. */
export interface Lifecycle {
  readonly state: Phase
  /**
   * Aborts at the soft deadline of a shutdown, three quarters into `finishTimeout`, or as soon as
   * nothing is in flight any more, with a `ServerDrainingError`. One signal for the whole app:
   * remove the listeners you add, or hand it to what does.
   */
  readonly signal: AbortSignal
  /** Requests taken in and not yet settled. */
  readonly inFlight: number
  /** How hard the process is pressed, sampled four times a second. */
  readonly pressure: Pressure
  /**
   * Adds a check that readiness depends on.
   *
   * @throws UnknownOptionError, InvalidOptionError, CheckExistsError
   */
  addCheck(name: string, check: CheckFunction, options?: CheckOptions): void
  /** What the checks say, asked as a probe asks them: for a probe of your own. */
  health(): Promise<Health>
  /**
   * Shuts the service down, as a signal would. It happens once: called again, or after the app has
   * closed, it returns the report of that one time.
   *
   * @param reason what the log and the report say
   */
  shutdown(reason: string, options?: ShutdownOptions): Promise<Report>
  /**
   * Adds a step of the shutdown. When requests have ended, and before `app.close()`, the steps run
   * one after the other, in the order they were added except where `after` says otherwise, within
   * `closeTimeout`. A step that fails or takes too long is named in the report and passed by.
   *
   * @param name of its own; what the log and the report say
   * @throws InvalidOptionError for a name that is taken, or an impossible order;
   * StepTooLateError when the steps have run
   */
  onShutdown(name: string, run: StepFunction, options?: StepOptions): void
  /**
   * Lets a shutdown wait for work that goes on behind the answers, as it waits for requests. When
   * the work fails that is logged.
   *
   * @param name what the log and the report say
   */
  waitUntil(name: string, work: PromiseLike<unknown>): void
}

/** How `shutdown()` differs from a signal. */
export interface ShutdownOptions {
  /**
   * Whether the process exits at the end. If so, every other app in it shuts down too.
   * @default the plugin's option `exit`
   */
  exit?: boolean
}

declare module 'fastify' {
  interface FastifyInstance {
    lifecycle: Lifecycle
  }
}

declare module '@holdfast/core' {
  interface ChannelPayloads {
    'holdfast:lifecycle:state': LifecycleStateChange
  }
}

const state = channel('holdfast:lifecycle:state')

async function plugin(app: FastifyInstance, given: LifecycleOptions): Promise<void> {
  enlist(app, '@holdfast/lifecycle', { root: true, first: true })
  const options = resolveLifecycleOptions(given)
  const { budget } = options
  const warning = overrun(budget, options.gracePeriod)
  if (warning !== undefined) app.log.warn(`@holdfast/lifecycle: ${warning}`)

  const phases = new Phases(monotonicClock, (change) => {
    if (change.state !== 'ready') checks.close()
    if (state.hasSubscribers) state.publish({ app, ...change })
  })
  const abort = new AbortController()
  // Every handler may listen to it.
  setMaxListeners(0, abort.signal)

  const service = new Service(app, abort, phases, monotonicClock)
  const steps = new Steps()
  const departure = new Departure(app, budget, phases, service, steps, monotonicClock)
  const checks = checksOf(app, options.checks)
  let started = false
  const standing = (): Standing => ({
    phase: phases.current,
    started,
    health: checks.health,
    pressure: sensor.pressure,
    pressed: options.pressure.readiness && sensor.exceeded
  })
  answerProbes(app, options.health, {
    refresh: () => (phases.current === 'ready' ? checks.refresh() : undefined),
    standing
  })
  const sensor = watchPressure(app, options.pressure)
  completeTimeouts(app, options.timeouts, options.proxyIdleTimeout)

  const member: Member = {
    signals: options.signals,
    guard: options.guard,
    exit: options.exit,
    limit: Math.max(options.gracePeriod, total(budget)),
    leave: async (cause: Cause) => (await departure.leave(cause)).clean,
    report: (error, message) => {
      app.log.fatal(error, message)
      // Without a log the crash would be silent.
      if (app.log.level === undefined || app.log.level === 'silent') console.error(message, error)
    }
  }
  const takeOff = enter(member)

  const beforeClose = async (): Promise<void> => {
    departure.accompany()
    // Fastify itself waits for the requests of its first server only, and not until a complete
    // answer has reached its reader: Node takes that connection for idle and destroys it.
    if (steps.count > 0 || service.isBusy) await departure.readyToClose
  }
  let ordered = false
  app.addHook('onReady', async () => {
    // Added last it runs first, before Fastify itself begins to close, and unlike preClose is not
    // cut short by `pluginTimeout`.
    app.addHook('onClose', beforeClose)
    checkOrder(steps)
    ordered = true
    const warning = demandTooMuch(steps, budget.closeTimeout)
    if (warning !== undefined) app.log.warn(`@holdfast/lifecycle: ${warning}`)
  })
  app.addHook('onListen', async () => {
    started = true
    phases.enter('ready')
  })
  // For an app that closes without ever having been ready.
  app.addHook('preClose', beforeClose)
  app.addHook('onClose', async () => {
    phases.enter('closed')
    takeOff()
  })

  app.decorate('lifecycle', {
    get state() {
      return phases.current
    },
    signal: abort.signal,
    get inFlight() {
      return service.inFlight.count
    },
    get pressure() {
      return sensor.pressure
    },
    addCheck(name, check, given = {}) {
      const resolved = resolveCheck(name, check, given, `the check ${name}`)
      checks.add(name, resolved.check, resolved.settings)
    },
    async health() {
      await checks.refresh()
      return checks.health
    },
    shutdown(reason, { exit = options.exit } = {}) {
      if (exit) leaveAll({ reason }, true, [member])
      return departure.leave({ reason })
    },
    onShutdown(name, run, given = {}) {
      const step = stepOf(name, run, given, steps, ordered)
      if (steps.over) throw new StepTooLateError(name)
      steps.add(step)
    },
    waitUntil(name, work) {
      text(name, 'waitUntil(name)')
      func(work?.then, `waitUntil("${name}") promise.then`)
      service.tasks.add(name, work)
    }
  })
}

/**
 * Start, health, drain and stop of a service: probes for the orchestrator, and a shutdown that
 * drops nobody. Register it first, on the root instance.
 */
export const lifecycle: FastifyPluginAsync<LifecycleOptions> = fp(plugin, {
  name: '@holdfast/lifecycle',
  fastify: '5.x'
})
