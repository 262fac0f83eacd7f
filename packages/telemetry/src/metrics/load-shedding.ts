/**
 * The metrics of load shedding.
 */
import type { ObservedMetric } from '../metric.ts'
import { eachState } from '../read-states.ts'

const RESULT = 'holdfast.load_shedding.result'
const MODE = 'holdfast.load_shedding.mode'
const PRIORITY = 'holdfast.load_shedding.priority'

const modeOf = (shadow: boolean): string => (shadow ? 'shadow' : 'enforce')

export const sheddingMetrics: readonly ObservedMetric[] = [
  {
    name: 'holdfast.load_shedding.requests',
    kind: 'counter',
    unit: '{request}',
    description: 'Requests that were admitted or shed.',
    attributes: [RESULT, MODE],
    *read({ states }) {
      for (const { offered, shed, shadow } of eachState(states, '@holdfast/load-shedding')) {
        const mode = { [MODE]: modeOf(shadow) }
        yield { value: offered - shed, attributes: { [RESULT]: 'admitted', ...mode } }
        yield { value: shed, attributes: { [RESULT]: 'shed', ...mode } }
      }
    }
  },
  {
    name: 'holdfast.load_shedding.shed_requests',
    kind: 'counter',
    unit: '{request}',
    description: 'Requests that were shed, by their priority.',
    attributes: [PRIORITY, MODE],
    *read({ states }) {
      for (const { shedByPriority, shadow } of eachState(states, '@holdfast/load-shedding')) {
        for (const [priority, value] of Object.entries(shedByPriority)) {
          yield { value, attributes: { [PRIORITY]: priority, [MODE]: modeOf(shadow) } }
        }
      }
    }
  },
  {
    name: 'holdfast.load_shedding.active',
    kind: 'up-down-counter',
    unit: '{request}',
    description: 'Requests that were admitted and are not answered.',
    attributes: [],
    *read({ states }) {
      for (const { inFlight } of eachState(states, '@holdfast/load-shedding')) {
        yield { value: inFlight, attributes: {} }
      }
    }
  },
  {
    name: 'holdfast.load_shedding.limit',
    kind: 'gauge',
    unit: '{request}',
    description: 'The most requests that may be in flight, while they are limited.',
    attributes: [],
    *read({ states }) {
      for (const { limit } of eachState(states, '@holdfast/load-shedding')) {
        if (limit !== undefined) yield { value: limit, attributes: {} }
      }
    }
  }
]
