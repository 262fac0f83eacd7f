/**
 * What Prometheus is asked. Rates are over five seconds, since the whole play takes half a minute; for a
 * service that runs, see docs/observe.md.
 */

/**
 * @typedef {object} Question
 * @property {string} title
 * @property {string} query
 * @property {string[]} labels whose values name a series
 * @property {string[]} [states] the words of its values, where they are states
 */

/** @type {readonly Question[]} */
export const questions = [
  {
    title: 'How many requests come, by route? (a second)',
    query: 'sum by (http_route) (rate(http_server_request_duration_seconds_count[5s]))',
    labels: ['http_route']
  },
  {
    title: 'Who turns clients away, and why? (a second)',
    query: 'sum by (holdfast_refused_by, holdfast_reason) (rate(holdfast_refusals_total[5s]))',
    labels: ['holdfast_refused_by', 'holdfast_reason']
  },
  {
    title: 'Which breakers are open?',
    query:
      'max by (holdfast_circuit_breaker_name) (1 * holdfast_circuit_breaker_status{holdfast_circuit_breaker_state="half_open"} or 2 * holdfast_circuit_breaker_status{holdfast_circuit_breaker_state="open"})',
    labels: ['holdfast_circuit_breaker_name'],
    states: ['closed', 'half-open', 'open']
  },
  {
    title: 'What became of the tries? (a second)',
    query:
      'sum by (holdfast_outgoing_upstream, holdfast_outgoing_outcome) (rate(holdfast_outgoing_tries_total[5s]))',
    labels: ['holdfast_outgoing_upstream', 'holdfast_outgoing_outcome']
  },
  {
    title: 'How long do requests take (99 of 100)? (milliseconds)',
    query:
      '1000 * histogram_quantile(0.99, sum by (le, http_route) (rate(http_server_request_duration_seconds_bucket[5s])))',
    labels: ['http_route']
  }
]
