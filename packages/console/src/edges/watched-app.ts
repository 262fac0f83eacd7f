/**
 * The app that is shown, and the timer that goes while somebody looks.
 */
import { statesOf } from '@holdfast/core'
import type { FastifyInstance } from 'fastify'
import type { ReadStates } from '../read-states.ts'
import { takeSnapshot } from '../take-snapshot.ts'
import { Viewers } from '../viewers.ts'
import { watchLife } from './life-changes.ts'
import { readProcess } from './process-reader.ts'

const TICK = 1000

/** The viewers of an app. While there are none, nothing is read, timed or subscribed to. */
export function viewersOf(app: FastifyInstance): Viewers {
  const viewers: Viewers = new Viewers({
    frame: () => frameOf(app),
    begin: (tick) => {
      const timer = setInterval(tick, TICK).unref()
      const unwatch = watchLife(app.server, (phase) => {
        if (phase === 'closed') viewers.end()
        else tick()
      })
      return () => {
        clearInterval(timer)
        unwatch()
      }
    }
  })
  return viewers
}

function frameOf(app: FastifyInstance): string {
  const states: ReadStates = statesOf(app)
  const delay = states['@holdfast/core']?.[0]?.state.eventLoopDelay
  return `data: ${JSON.stringify(takeSnapshot(readProcess(delay), states))}\n\n`
}
