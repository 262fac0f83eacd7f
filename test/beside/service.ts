/**
 * A service with the suite and whatever else it has, and what its log says.
 */
import Fastify, { type FastifyInstance } from 'fastify'
import { serverOptions } from 'holdfast'
import type { Test } from 'tap'

/** A line of the log. */
export interface Line extends Record<string, unknown> {
  readonly level: number
  readonly msg: string
}

/** An app under test, and its log. */
export interface Service {
  readonly app: FastifyInstance
  /** Every line so far. */
  readonly lines: readonly Line[]
  /** What was said at level warn or above without belonging to a request. */
  warnings(): string[]
  /** The lines of requests. */
  requests(): Line[]
}

/** Makes an app that is closed when the test is over. */
export function service(t: Test): Service {
  const lines: Line[] = []
  const stream = { write: (text: string) => void lines.push(JSON.parse(text)) }
  const app: FastifyInstance = Fastify({
    ...serverOptions({ logger: { stream } }),
    forceCloseConnections: true
  })
  t.teardown(() => app.close())
  return {
    app,
    lines,
    warnings: () =>
      lines.filter((line) => line.level >= 40 && !('reqId' in line)).map(({ msg }) => msg),
    requests: () => lines.filter((line) => 'outcome' in line)
  }
}

/** Options of the suite for tests: no signals, and nothing that waits. */
export const quiet = { signals: false, drainDelay: 0 } as const
