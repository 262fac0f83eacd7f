/**
 * The answers of the probes. Liveness knows of nothing but the process itself: a restart repairs no
 * dependency and no overload.
 */
import type { Health } from './checks.ts'
import type { Phase } from './phases.ts'
import type { Pressure } from './pressure.ts'

/** What the answers depend on. */
export interface ProbeState {
  readonly phase: Phase
  /** Whether the service has ever been ready. */
  readonly started: boolean
  readonly health: Health
  readonly pressure: Pressure
  /** Whether a threshold that readiness depends on is exceeded. */
  readonly underPressure: boolean
}

/** An answer to a probe. */
export interface Answer {
  readonly status: 200 | 503
  readonly text: string
  /** For `?verbose`. */
  readonly details: object
}

/** Always 200. */
export function answerLive({ phase }: ProbeState): Answer {
  return { status: 200, text: 'ok', details: { status: 'ok', phase } }
}

/** 503 until the service has listened, and 200 ever after. */
export function answerStartup({ phase, started }: ProbeState): Answer {
  const text = started ? 'started' : 'starting'
  return { status: started ? 200 : 503, text, details: { status: text, phase } }
}

/** 200 while the service is ready, no critical check has failed and no threshold that readiness depends on is
 * exceeded. */
export function answerReady({ phase, health, pressure, underPressure }: ProbeState): Answer {
  const status = readiness(phase, health, underPressure)
  const failed = health.checks.filter(({ state }) => state === 'failed').map(({ name }) => name)
  const text = failed.length > 0 && phase === 'ready' ? `${status}: ${failed.join(', ')}` : status
  const details = { status, phase, checks: health.checks, pressure }
  return { status: status === 'ready' || status === 'degraded' ? 200 : 503, text, details }
}

function readiness(phase: Phase, health: Health, underPressure: boolean): string {
  if (phase !== 'ready') return phase
  if (health.status === 'failed') return 'failed'
  if (underPressure) return 'under pressure'
  return health.status === 'ok' ? 'ready' : 'degraded'
}
