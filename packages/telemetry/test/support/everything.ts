/**
 * A source in which every metric has a sample.
 */
import type { MetricSource } from '../../dist/metric.js'
import type { ReadStates } from '../../dist/read-states.js'

const states: ReadStates = {
  '@holdfast/core': [
    {
      state: {
        requests: {
          takenIn: 10,
          finished: 6,
          aborted: 1,
          cut: 1,
          tunnels: 0,
          malformed: { HPE_X: 2 }
        },
        eventLoopDelay: { current: 2, max: 50 }
      }
    }
  ],
  '@holdfast/circuit-breaker': [
    {
      state: {
        breakers: [
          {
            name: 'bank',
            state: 'half-open',
            shadow: false,
            inFlight: 1,
            abandoned: 0,
            totals: {
              success: 5,
              failure: 4,
              excluded: 3,
              refusedByState: 2,
              refusedByConcurrency: 1,
              refusedInShadow: 0,
              opened: 1,
              halfOpened: 1,
              closed: 0,
              isolated: 0
            }
          }
        ]
      }
    }
  ],
  '@holdfast/rate-limit': [
    {
      state: {
        limits: [
          {
            mode: 'enforce',
            policies: [
              { policy: 'default', allowed: 5, denied: 4, banned: 3, allowListed: 2, unanswered: 1 }
            ]
          }
        ],
        table: { keys: 3, maxKeys: 10_000, evictions: 1 },
        store: { available: true, outages: 1 }
      }
    }
  ],
  '@holdfast/load-shedding': [
    {
      state: {
        shadow: false,
        offered: 10,
        shed: 2,
        shedByPriority: { bulk: 2, optional: 0, normal: 0, critical: 0 },
        share: 1,
        inFlight: 2,
        limit: 20
      }
    }
  ],
  '@holdfast/lifecycle': [
    { state: { phase: 'ready', checks: [{ name: 'redis', state: 'ok' }], tasks: 1 } }
  ],
  '@holdfast/outgoing': [
    {
      state: {
        upstreams: [
          {
            name: 'bank',
            origin: 'https://bank.example',
            calls: 3,
            outcomes: { success: 2, failure: 1, excluded: 0 },
            refused: 0,
            retries: { scheduled: 1 },
            hedges: 0,
            budgetLeft: 9,
            inFlight: 1
          }
        ]
      }
    }
  ],
  '@holdfast/request-logging': [{ state: { written: 8, sampledOut: 1, silent: 1, failed: 0 } }],
  '@holdfast/telemetry': [
    { state: { refusals: [{ refusedBy: 'rate-limit', reason: 'exceeded', count: 2 }] } }
  ]
}

/** What a service with every plugin knows. */
export function everything(): MetricSource {
  return {
    states,
    breakerName: (name) => name,
    runtime: {
      loopActive: 1,
      loopIdle: 2,
      loopUtilization: 0.5,
      heapSpaces: [{ name: 'new_space', used: 1000 }],
      cpuUser: 1,
      cpuSystem: 1,
      residentMemory: 1_000_000
    }
  }
}
