/**
 * The metrics of a service's life.
 */
import { type ObservedMetric, statusSamples } from '../metric.ts'
import { eachState } from '../read-states.ts'

const STATE = 'holdfast.lifecycle.state'
const CHECK = 'holdfast.lifecycle.check.name'
const CHECK_STATE = 'holdfast.lifecycle.check.state'
const PHASES = ['starting', 'ready', 'draining', 'stopping', 'closed']

export const lifecycleMetrics: readonly ObservedMetric[] = [
  {
    name: 'holdfast.lifecycle.status',
    kind: 'up-down-counter',
    unit: '1',
    description: '1 for the phase that the service is in, 0 for the others.',
    attributes: [STATE],
    *read({ states }) {
      for (const { phase } of eachState(states, '@holdfast/lifecycle')) {
        yield* statusSamples(PHASES, phase, (state) => ({ [STATE]: state }))
      }
    }
  },
  {
    name: 'holdfast.lifecycle.check.status',
    kind: 'up-down-counter',
    unit: '1',
    description: '1 for the last answer of the check, 0 for the others.',
    attributes: [CHECK, CHECK_STATE],
    *read({ states }) {
      for (const { checks } of eachState(states, '@holdfast/lifecycle')) {
        for (const check of checks) {
          yield* statusSamples(['ok', 'failed', 'unknown'], check.state, (state) => ({
            [CHECK]: check.name,
            [CHECK_STATE]: state
          }))
        }
      }
    }
  },
  {
    name: 'holdfast.lifecycle.active_tasks',
    kind: 'up-down-counter',
    unit: '{task}',
    description: 'Work under way that the shutdown waits for.',
    attributes: [],
    *read({ states }) {
      for (const { tasks } of eachState(states, '@holdfast/lifecycle')) {
        yield { value: tasks, attributes: {} }
      }
    }
  }
]
