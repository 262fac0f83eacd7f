/**
 * The metrics of requests, and of the lines that tell of them. Durations are in `duration.ts`.
 */
import type { ObservedMetric } from '../metric.ts'
import { word } from '../metric.ts'
import { eachState } from '../read-states.ts'

export const requestMetrics: readonly ObservedMetric[] = [
  {
    name: 'http.server.active_requests',
    kind: 'up-down-counter',
    unit: '{request}',
    description: 'Requests taken in whose answer has not ended.',
    attributes: [],
    *read({ states }) {
      for (const { requests } of eachState(states, '@holdfast/core')) {
        const { takenIn, finished, aborted, cut } = requests
        yield { value: takenIn - finished - aborted - cut, attributes: {} }
      }
    }
  },
  {
    name: 'holdfast.refusals',
    kind: 'counter',
    unit: '{request}',
    description: 'Requests that the service refused, by who and why.',
    attributes: ['holdfast.refused_by', 'holdfast.reason'],
    *read({ states }) {
      for (const { refusals } of eachState(states, '@holdfast/telemetry')) {
        for (const { refusedBy, reason, count } of refusals) {
          const attributes = { 'holdfast.refused_by': refusedBy, 'holdfast.reason': reason }
          yield { value: count, attributes }
        }
      }
    }
  },
  {
    name: 'holdfast.malformed_requests',
    kind: 'counter',
    unit: '{request}',
    description: 'What never became a request, by the code of the error of Node.',
    attributes: ['error.type'],
    *read({ states }) {
      for (const { requests } of eachState(states, '@holdfast/core')) {
        for (const [code, value] of Object.entries(requests.malformed)) {
          yield { value, attributes: { 'error.type': code } }
        }
      }
    }
  },
  {
    name: 'holdfast.request_log.lines',
    kind: 'counter',
    unit: '{line}',
    description: 'Requests by what became of their log line.',
    attributes: ['holdfast.request_log.decision'],
    *read({ states }) {
      for (const state of eachState(states, '@holdfast/request-logging')) {
        const { written, sampledOut, silent, failed } = state
        const lines = { written, sampled_out: sampledOut, silent, failed }
        for (const [decision, value] of Object.entries(lines)) {
          yield { value, attributes: { 'holdfast.request_log.decision': word(decision) } }
        }
      }
    }
  }
]
