/**
 * What a service knows and may ask of its own life: `app.lifecycle`.
 */
import { check } from '@holdfast/core/options'
import type { CheckFunction, Health } from '../checks.ts'
import type { Report } from '../drain.ts'
import { StepTooLateError } from '../errors.ts'
import { type CheckOptions, resolveCheck } from '../health-options.ts'
import type { Phase } from '../phases.ts'
import type { Pressure } from '../pressure.ts'
import type { LifecycleState } from '../state.ts'
import { type StepOptions, stepOf } from '../step-options.ts'
import type { StepFunction, Steps } from '../steps.ts'
import { type Member, shutDownAll } from './apps.ts'
import type { Shutdown } from './shutdown.ts'
import { type StateSources, stateOf } from './state.ts'

/** `app.lifecycle`. */
export interface Lifecycle {
  /** The phase of the service's life. */
  readonly state: Phase
  /**
   * Aborts at the soft deadline of a shutdown, three quarters into `finishTimeout`, or as soon as
   * nothing is in flight any more, with a `ServerDrainingError`. One signal for the whole app:
   * remove the listeners you add, or pass it to something that does.
   */
  readonly signal: AbortSignal
  /** Requests taken in and not yet settled. */
  readonly inFlight: number
  /** The load of the process, in a sample that is at most a quarter of a second old. */
  readonly pressure: Pressure
  /** All that is known of the service at this moment: what `statesOf(app)` gives, too. Asks no check. */
  snapshot(): LifecycleState
  /**
   * Adds a check that readiness depends on.
   *
   * @throws UnknownOptionError, InvalidOptionError, CheckExistsError
   */
  addCheck(name: string, check: CheckFunction, options?: CheckOptions): void
  /** The results of the checks, asked as a probe asks them: for a probe of your own. */
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
   * `closeTimeout`. A step that fails or takes too long is named in the report, and the next one
   * runs.
   *
   * @param name unique among the steps; what the log and the report say
   * @throws InvalidOptionError for a name that is taken, or an impossible order;
   * StepTooLateError when the steps have run
   */
  onShutdown(name: string, run: StepFunction, options?: StepOptions): void
  /**
   * Lets a shutdown wait for work that goes on after the answers, as it waits for requests. When
   * the work fails, that is logged.
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
  exit?: boolean | undefined
}

/** What the decorator speaks for. */
export interface Parts extends StateSources {
  readonly signal: AbortSignal
  readonly steps: Steps
  readonly shutdown: Shutdown
  readonly member: Member
}

/** Makes `app.lifecycle` of an app. */
export function lifecycleOf(parts: Parts): Lifecycle {
  const { phases, signal, service, steps, shutdown, sensor, checks, member } = parts
  return {
    get state() {
      return phases.current
    },
    signal,
    get inFlight() {
      return service.inFlight.count
    },
    get pressure() {
      return sensor.pressure
    },
    snapshot: () => stateOf(parts),
    addCheck(name, ask, given = {}) {
      const { settings } = resolveCheck(name, ask, given, `the check ${name}`)
      checks.add(name, ask, settings)
    },
    async health() {
      await checks.refresh()
      return checks.health
    },
    shutdown(reason, { exit = member.exit } = {}) {
      if (exit) shutDownAll({ reason }, true, [member])
      return shutdown.begin({ reason })
    },
    onShutdown(name, run, given = {}) {
      const step = stepOf(name, run, given, steps)
      if (steps.over) throw new StepTooLateError(name)
      steps.add(step)
    },
    waitUntil(name, work) {
      check.text(name, 'waitUntil(name)')
      check.func(work?.then, `waitUntil("${name}") promise.then`)
      service.tasks.add(name, work)
    }
  }
}
