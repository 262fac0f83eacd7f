/**
 * The metrics of rate limits.
 */
import { type ObservedMetric, type Sample, statusSamples } from '../metric.ts'
import { eachState, type RateLimitReading, type ReadStates } from '../read-states.ts'

const POLICY = 'holdfast.rate_limit.policy'
const RESULT = 'holdfast.rate_limit.result'
const MODE = 'holdfast.rate_limit.mode'
const STORE_STATE = 'holdfast.rate_limit.store.state'

/** A value of the table of clients of every registration that has one. */
function* ofTables(
  states: ReadStates,
  read: (table: NonNullable<RateLimitReading['table']>) => number
): Iterable<Sample> {
  for (const { table } of eachState(states, '@holdfast/rate-limit')) {
    if (table !== undefined) yield { value: read(table), attributes: {} }
  }
}

export const rateLimitMetrics: readonly ObservedMetric[] = [
  {
    name: 'holdfast.rate_limit.requests',
    kind: 'counter',
    unit: '{request}',
    description: 'Decisions by policy and result.',
    attributes: [POLICY, RESULT, MODE],
    *read({ states }) {
      for (const { limits } of eachState(states, '@holdfast/rate-limit')) {
        for (const { mode, policies } of limits) {
          for (const { policy, allowed, denied, banned, allowListed, unanswered } of policies) {
            const results = { allowed, denied, banned, allow_listed: allowListed, unanswered }
            for (const [result, value] of Object.entries(results)) {
              yield { value, attributes: { [POLICY]: policy, [RESULT]: result, [MODE]: mode } }
            }
          }
        }
      }
    }
  },
  {
    name: 'holdfast.rate_limit.client.usage',
    kind: 'up-down-counter',
    unit: '{client}',
    description: 'Clients in the table of this process.',
    attributes: [],
    read: ({ states }) => ofTables(states, ({ keys }) => keys)
  },
  {
    name: 'holdfast.rate_limit.client.limit',
    kind: 'up-down-counter',
    unit: '{client}',
    description: 'The most clients that the table can hold.',
    attributes: [],
    read: ({ states }) => ofTables(states, ({ maxKeys }) => maxKeys)
  },
  {
    name: 'holdfast.rate_limit.evictions',
    kind: 'counter',
    unit: '{client}',
    description: 'Clients that were forgotten while they still owed something.',
    attributes: [],
    read: ({ states }) => ofTables(states, ({ evictions }) => evictions)
  },
  {
    name: 'holdfast.rate_limit.store.status',
    kind: 'up-down-counter',
    unit: '1',
    description: '1 for the state that the store is in, 0 for the other.',
    attributes: [STORE_STATE],
    *read({ states }) {
      for (const { store } of eachState(states, '@holdfast/rate-limit')) {
        if (store === undefined) continue
        const present = store.available ? 'available' : 'unavailable'
        yield* statusSamples(['available', 'unavailable'], present, (state) => ({
          [STORE_STATE]: state
        }))
      }
    }
  },
  {
    name: 'holdfast.rate_limit.store.outages',
    kind: 'counter',
    unit: '{outage}',
    description: 'Outages of the store, the present one included.',
    attributes: [],
    *read({ states }) {
      for (const { store } of eachState(states, '@holdfast/rate-limit')) {
        if (store !== undefined) yield { value: store.outages, attributes: {} }
      }
    }
  }
]
