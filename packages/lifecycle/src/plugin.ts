import { setMaxListeners } from 'node:events'
import {
  channel,
  contain,
  declareFact,
  enlist,
  guardedLog,
  monotonicClock,
  provideState
} from '@holdfast/core'
import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import type { Cause, Member } from './edges/apps.ts'
import { type Lifecycle, lifecycleOf } from './edges/decorator.ts'
import { checksOf } from './edges/health.ts'
import { refuseUnderPressure, watchPressure } from './edges/pressure.ts'
import { answerProbes } from './edges/probes.ts'
import { register, warnOfOthers } from './edges/process.ts'
import { Service } from './edges/service.ts'
import { Shutdown } from './edges/shutdown.ts'
import { completeTimeouts } from './edges/timeouts.ts'
import { type LifecycleOptions, resolveLifecycleOptions } from './options.ts'
import { type PhaseChange, Phases } from './phases.ts'
import { overrun, total } from './shutdown-budget.ts'
import { checkOrder, stepsOverrun } from './step-options.ts'
import { Steps } from './steps.ts'

/** A service has entered a phase of its life. */
export interface LifecycleStateChange extends PhaseChange {
  /** The service. */
  readonly app: FastifyInstance
}

declare module 'fastify' {
  interface FastifyInstance<RawServer, RawRequest, RawReply, Logger, TypeProvider> {
    lifecycle: Lifecycle
  }
}

declare module '@holdfast/core' {
  interface ChannelPayloads {
    'holdfast:lifecycle:state': LifecycleStateChange
  }
}

const TWICE =
  'An app has one, at its root. Where holdfast is registered, give it the options as lifecycle.'

declareFact('lifecycle')

const state = channel('holdfast:lifecycle:state')

async function wire(app: FastifyInstance, given: LifecycleOptions): Promise<void> {
  enlist(app, '@holdfast/lifecycle', {
    decorators: ['lifecycle'],
    root: true,
    first: true,
    twice: TWICE
  })
  const options = resolveLifecycleOptions(given)
  const { budget } = options
  const log = guardedLog(app.log)
  const warn = (problem: string | undefined): void => {
    if (problem !== undefined) log.warn(`@holdfast/lifecycle: ${problem}`)
  }
  warn(overrun(budget, options.gracePeriod))

  const checks = checksOf(app, log, options.checks)
  const phases = new Phases(monotonicClock, (change) => {
    if (change.state !== 'ready') checks.close()
    if (state.hasSubscribers) state.publish({ app, ...change })
  })
  const abort = new AbortController()
  // Every handler may listen to it.
  setMaxListeners(0, abort.signal)
  const service = new Service(app, log, abort, phases, monotonicClock)
  const steps = new Steps()
  const shutdown = new Shutdown(app, log, budget, phases, service, steps, monotonicClock)

  const sensor = watchPressure(app, options.pressure)
  answerProbes(app, log, options.health, {
    refresh: () => (phases.current === 'ready' ? checks.refresh() : undefined),
    state: () => ({
      phase: phases.current,
      started: phases.started,
      health: checks.health,
      pressure: sensor.pressure,
      underPressure: options.pressure.readiness && sensor.exceeded
    })
  })
  refuseUnderPressure(app, sensor, options.pressure)
  completeTimeouts(app, log, options.timeouts, options.proxyIdleTimeout)

  const member: Member = {
    signals: options.signals,
    errors: options.errors,
    watched: options.watched,
    exit: options.exit,
    limit: Math.max(options.gracePeriod, total(budget)),
    get booted() {
      return shutdown.booted
    },
    get lostServer() {
      return phases.current === 'ready' && !app.server.listening
    },
    shutDown: async (cause: Cause) => (await shutdown.begin(cause)).clean,
    report: (error, message) => reportCrash(app, error, message),
    warn
  }
  const unregister = register(member)

  app.addHook('onReady', async () => {
    checkOrder(steps)
    warn(stepsOverrun(steps, budget.closeTimeout))
    warnOfOthers(member)
  })
  app.addHook('onListen', async () => {
    phases.enter('ready')
  })
  app.addHook('onClose', async () => {
    phases.enter('closed')
    unregister()
  })

  const { signal } = abort
  const decorator = lifecycleOf({
    phases,
    signal,
    service,
    steps,
    shutdown,
    sensor,
    checks,
    member
  })
  app.decorate('lifecycle', decorator)
  provideState(app, '@holdfast/lifecycle', () => decorator.snapshot())
}

/** By the log, and where that is silent or broken by the console: a crash is told in any case. */
function reportCrash({ log }: FastifyInstance, error: Error, message: string): void {
  try {
    contain(log.fatal(error, message), log, 'the logger')
    if (log.level !== undefined && log.level !== 'silent') return
    console.error(message, error)
  } catch {
    console.error(message)
  }
}

/**
 * Start, health, drain and stop of a service: probes for the orchestrator, and a shutdown that
 * drops nobody. Register it first, on the root instance.
 */
export const lifecycle: FastifyPluginAsync<LifecycleOptions> = fp(wire, {
  name: '@holdfast/lifecycle',
  fastify: '5.x'
})
