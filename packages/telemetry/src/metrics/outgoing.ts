/**
 * The metrics of outgoing calls.
 */
import { type MetricSource, type ObservedMetric, type Sample, word } from '../metric.ts'
import { eachState, type UpstreamReading } from '../read-states.ts'

const UPSTREAM = 'holdfast.outgoing.upstream'
const OUTCOME = 'holdfast.outgoing.outcome'
const DECISION = 'holdfast.outgoing.decision'

function* each(
  { states }: MetricSource,
  samplesOf: (upstream: UpstreamReading) => Iterable<Sample>
): Iterable<Sample> {
  for (const { upstreams } of eachState(states, '@holdfast/outgoing')) {
    for (const upstream of upstreams) {
      for (const { value, attributes } of samplesOf(upstream)) {
        yield { value, attributes: { [UPSTREAM]: upstream.name, ...attributes } }
      }
    }
  }
}

function* counts(key: string, values: Readonly<Record<string, number>>): Iterable<Sample> {
  for (const [name, value] of Object.entries(values)) {
    yield { value, attributes: { [key]: word(name) } }
  }
}

const value = (value: number): Sample[] => [{ value, attributes: {} }]

export const outgoingMetrics: readonly ObservedMetric[] = [
  {
    name: 'holdfast.outgoing.calls',
    kind: 'counter',
    unit: '{call}',
    description: 'Calls that were asked for.',
    attributes: [UPSTREAM],
    read: (source) => each(source, ({ calls }) => value(calls))
  },
  {
    name: 'holdfast.outgoing.tries',
    kind: 'counter',
    unit: '{try}',
    description: 'Tries that have ended or were refused, by what they say about the upstream.',
    attributes: [UPSTREAM, OUTCOME],
    read: (source) =>
      each(source, ({ outcomes, refused }) => counts(OUTCOME, { ...outcomes, refused }))
  },
  {
    name: 'holdfast.outgoing.retries',
    kind: 'counter',
    unit: '{try}',
    description: 'Failed tries, by whether they were made again or why not.',
    attributes: [UPSTREAM, DECISION],
    read: (source) => each(source, ({ retries }) => counts(DECISION, retries))
  },
  {
    name: 'holdfast.outgoing.hedges',
    kind: 'counter',
    unit: '{try}',
    description: 'Tries that were made because the one before was late.',
    attributes: [UPSTREAM],
    read: (source) => each(source, ({ hedges }) => value(hedges))
  },
  {
    name: 'holdfast.outgoing.budget.remaining',
    kind: 'gauge',
    unit: '{try}',
    description: 'Retries and hedges that the budget allows at this moment.',
    attributes: [UPSTREAM],
    read: (source) => each(source, ({ budgetLeft }) => value(budgetLeft))
  },
  {
    name: 'holdfast.outgoing.active_tries',
    kind: 'up-down-counter',
    unit: '{try}',
    description: 'Tries that wait for their answers to begin.',
    attributes: [UPSTREAM],
    read: (source) => each(source, ({ inFlight }) => value(inFlight))
  }
]
