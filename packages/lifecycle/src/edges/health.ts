/**
 * The checks of an app: what changes is logged once and published.
 */
import { channel, type GuardedLog, monotonicClock, startDeadline } from '@holdfast/core'
import type { FastifyInstance } from 'fastify'
import { type CheckChange, Checks, type Timer } from '../checks.ts'
import type { NamedCheck } from '../health-options.ts'

/** A check has changed its state. */
export interface LifecycleCheckChange extends CheckChange {
  /** The service. */
  readonly app: FastifyInstance
}

declare module '@holdfast/core' {
  interface ChannelPayloads {
    'holdfast:lifecycle:check': LifecycleCheckChange
  }
}

const changes = channel('holdfast:lifecycle:check')

/** By Node's timers, which here keep no process alive. A late event loop shortens no time. */
const timer: Timer = (milliseconds, expire) => {
  const deadline = startDeadline(milliseconds, expire)
  return () => deadline.clear()
}

/** The checks of an app. Close them when it stops. */
export function checksOf(
  app: FastifyInstance,
  log: GuardedLog,
  given: readonly NamedCheck[]
): Checks {
  const checks = new Checks(monotonicClock, timer, (change) => {
    tell(log, change)
    if (changes.hasSubscribers) changes.publish({ app, ...change })
  })
  for (const { name, ask, settings } of given) checks.add(name, ask, settings)
  return checks
}

function tell(log: GuardedLog, { name, critical, state, previous, ...rest }: CheckChange): void {
  const { reason } = rest
  const facts = { check: name, critical, lasted: Math.round(rest.lasted), reason }
  if (state === 'ok') {
    // That all is well from the start is no news.
    if (previous === 'failed') log.info(facts, `the check ${name} passes again`)
  } else {
    log[critical ? 'error' : 'warn'](facts, `the check ${name} fails: ${reason}`)
  }
}
