import { setMaxListeners } from 'node:events'
import { channel, declareFact, enlist, monotonicClock } from '@holdfast/core'
import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import { type Lifecycle, lifecycleOf } from './edges/decorator.ts'
import { checksOf } from './edges/health.ts'
import { refuseUnderPressure, watchPressure } from './edges/pressure.ts'
import { answerProbes } from './edges/probes.ts'
import { Service } from './edges/service.ts'
import { Shutdown } from './edges/shutdown.ts'
import { type Cause, type Member, register } from './edges/signals.ts'
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

declareFact('lifecycle')

const state = channel('holdfast:lifecycle:state')

async function wire(app: FastifyInstance, given: LifecycleOptions): Promise<void> {
  enlist(app, '@holdfast/lifecycle', { root: true, first: true })
  const options = resolveLifecycleOptions(given)
  const { budget } = options
  warn(app, overrun(budget, options.gracePeriod))

  const checks = checksOf(app, options.checks)
  const phases = new Phases(monotonicClock, (change) => {
    if (change.state !== 'ready') checks.close()
    if (state.hasSubscribers) state.publish({ app, ...change })
  })
  const abort = new AbortController()
  // Every handler may listen to it.
  setMaxListeners(0, abort.signal)
  const service = new Service(app, abort, phases, monotonicClock)
  const steps = new Steps()
  const shutdown = new Shutdown(app, budget, phases, service, steps, monotonicClock)

  const sensor = watchPressure(app, options.pressure)
  answerProbes(app, options.health, {
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
  completeTimeouts(app, options.timeouts, options.proxyIdleTimeout)

  const member: Member = {
    signals: options.signals,
    guard: options.guard,
    exit: options.exit,
    limit: Math.max(options.gracePeriod, total(budget)),
    shutDown: async (cause: Cause) => (await shutdown.begin(cause)).clean,
    report: (error, message) => {
      app.log.fatal(error, message)
      // Without a log the crash would be silent.
      if (app.log.level === undefined || app.log.level === 'silent') console.error(message, error)
    }
  }
  const unregister = register(member)

  app.addHook('onReady', async () => {
    checkOrder(steps)
    warn(app, stepsOverrun(steps, budget.closeTimeout))
  })
  app.addHook('onListen', async () => {
    phases.enter('ready')
  })
  app.addHook('onClose', async () => {
    phases.enter('closed')
    unregister()
  })

  app.decorate(
    'lifecycle',
    lifecycleOf({ phases, signal: abort.signal, service, steps, shutdown, sensor, checks, member })
  )
}

function warn(app: FastifyInstance, problem: string | undefined): void {
  if (problem !== undefined) app.log.warn(`@holdfast/lifecycle: ${problem}`)
}

/**
 * Start, health, drain and stop of a service: probes for the orchestrator, and a shutdown that
 * drops nobody. Register it first, on the root instance.
 */
export const lifecycle: FastifyPluginAsync<LifecycleOptions> = fp(wire, {
  name: '@holdfast/lifecycle',
  fastify: '5.x'
})
