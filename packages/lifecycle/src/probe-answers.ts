/**
 * What the probes say. Liveness knows of nothing but the process itself: a restart mends no
 * dependency and no overload.
 */
import type { Health } from './checks.ts'
import type { Phase } from './phases.ts'
import type { Pressure } from './pressure.ts'

/** How a service stands. */
export interface Standing {
  readonly phase: Phase
  /** Whether it has listened, ever. */
  readonly started: boolean
  readonly health: Health
  readonly pressure: Pressure
  /** A threshold is exceeded by which readiness is judged. */
  readonly pressed: boolean
}

/** An answer to a probe. */
export interface Answer {
  readonly status: 200 | 503
  readonly text: string
  /** For `?verbose`. */
  readonly details: object
}

/** Always 200. */
export function answerLive({ phase }: Standing): Answer {
  return { status: 200, text: 'ok', details: { status: 'ok', phase } }
}

/** 503 until the service has listened, and 200 ever after. */
export function answerStartup({ phase, started }: Standing): Answer {
  const text = started ? 'started' : 'starting'
  return { status: started ? 200 : 503, text, details: { status: text, phase } }
}

/** 200 while the service is ready, no critical check has failed and readiness knows no pressure. */
export function answerReady({ phase, health, pressure, pressed }: Standing): Answer {
  const status = readiness(phase, health, pressed)
  const failed = health.checks.filter(({ state }) => state === 'failed').map(({ name }) => name)
  const text = failed.length > 0 && phase === 'ready' ? `${status}: ${failed.join(', ')}` : status
  const details = { status, phase, checks: health.checks, pressure }
  return { status: status === 'ready' || status === 'degraded' ? 200 : 503, text, details }
}

function readiness(phase: Phase, health: Health, pressed: boolean): string {
  if (phase !== 'ready') return phase
  if (health.status === 'failed') return 'failed'
  if (pressed) return 'under pressure'
  return health.status === 'ok' ? 'ready' : 'degraded'
}
