/**
 * The metrics of circuit breakers.
 */
import type { MeterAttributes } from '../meter.ts'
import {
  type MetricSource,
  type ObservedMetric,
  type Sample,
  statusSamples,
  word
} from '../metric.ts'
import { type BreakerReading, eachState } from '../read-states.ts'

const NAME = 'holdfast.circuit_breaker.name'
const STATE = 'holdfast.circuit_breaker.state'
const OUTCOME = 'holdfast.circuit_breaker.outcome'
const REASON = 'holdfast.circuit_breaker.reason'
const MODE = 'holdfast.circuit_breaker.mode'
const STATES = ['closed', 'open', 'half_open', 'isolated']

function* each(
  { states, breakerName }: MetricSource,
  samplesOf: (breaker: BreakerReading, name: MeterAttributes) => Iterable<Sample>
): Iterable<Sample> {
  for (const { breakers } of eachState(states, '@holdfast/circuit-breaker')) {
    for (const breaker of breakers) yield* samplesOf(breaker, { [NAME]: breakerName(breaker.name) })
  }
}

function* counts(
  values: Readonly<Record<string, number>>,
  key: string,
  attributes: MeterAttributes
): Iterable<Sample> {
  for (const [name, value] of Object.entries(values)) {
    yield { value, attributes: { ...attributes, [key]: name } }
  }
}

export const breakerMetrics: readonly ObservedMetric[] = [
  {
    name: 'holdfast.circuit_breaker.status',
    kind: 'up-down-counter',
    unit: '1',
    description: '1 for the state that the breaker is in, 0 for the others.',
    attributes: [NAME, STATE, MODE],
    read: (source) =>
      each(source, ({ state, shadow }, name) =>
        statusSamples(STATES, word(state), (one) => ({
          ...name,
          [STATE]: one,
          [MODE]: shadow ? 'shadow' : 'enforce'
        }))
      )
  },
  {
    name: 'holdfast.circuit_breaker.calls',
    kind: 'counter',
    unit: '{call}',
    description: 'Calls that ended, by what they say about the dependency.',
    attributes: [NAME, OUTCOME],
    read: (source) =>
      each(source, ({ totals: { success, failure, excluded } }, name) =>
        counts({ success, failure, excluded }, OUTCOME, name)
      )
  },
  {
    name: 'holdfast.circuit_breaker.refusals',
    kind: 'counter',
    unit: '{call}',
    description: 'Calls and requests that the breaker refused, or in shadow would have.',
    attributes: [NAME, REASON, MODE],
    read: (source) =>
      each(source, function* ({ totals }, name) {
        const { refusedByState, refusedByConcurrency, refusedInShadow } = totals
        const enforced = { state: refusedByState, concurrency: refusedByConcurrency }
        yield* counts(enforced, REASON, { ...name, [MODE]: 'enforce' })
        yield* counts({ state: refusedInShadow }, REASON, { ...name, [MODE]: 'shadow' })
      })
  },
  {
    name: 'holdfast.circuit_breaker.transitions',
    kind: 'counter',
    unit: '{transition}',
    description: 'Changes of state, by the state that was entered.',
    attributes: [NAME, STATE],
    read: (source) =>
      each(source, ({ totals: { closed, opened, halfOpened, isolated } }, name) =>
        counts({ closed, open: opened, half_open: halfOpened, isolated }, STATE, name)
      )
  },
  {
    name: 'holdfast.circuit_breaker.active_calls',
    kind: 'up-down-counter',
    unit: '{call}',
    description: 'Calls that have not ended.',
    attributes: [NAME],
    read: (source) => each(source, ({ inFlight }, name) => [{ value: inFlight, attributes: name }])
  },
  {
    name: 'holdfast.circuit_breaker.abandoned_calls',
    kind: 'up-down-counter',
    unit: '{call}',
    description: 'Calls that were given up and are still running.',
    attributes: [NAME],
    read: (source) =>
      each(source, ({ abandoned }, name) => [{ value: abandoned, attributes: name }])
  }
]
