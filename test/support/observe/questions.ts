/**
 * What people ask about a service that runs, and how Prometheus is asked. The dashboard and the page are both
 * made from this list.
 */

/** A query, and how its series are called: `{{label}}` stands for the value of a label. */
export interface Query {
  readonly expr: string
  readonly legend: string
}

/** A question. */
export interface Question {
  readonly title: string
  /** The unit of the answer, as Grafana calls it. */
  readonly unit: 'reqps' | 'ops' | 'percentunit' | 's' | 'bytes' | 'short' | 'state'
  readonly queries: readonly Query[]
  /** What to know about the answer. */
  readonly note?: string
  /** The words and colours of its values, from 0: it is drawn as a line of states. */
  readonly states?: readonly (readonly [word: string, colour: string])[]
}

/** Questions that are asked together. */
export interface Topic {
  readonly title: string
  readonly questions: readonly Question[]
}

const BREAKER = 'holdfast_circuit_breaker_name'
const UPSTREAM = 'holdfast_outgoing_upstream'
const REQUESTS = 'http_server_request_duration_seconds_count'
const FAILED = `${REQUESTS}{error_type!~"|aborted"}`

/** One number for the present state: each state has the number of its place. The highest one wins. */
const worst = (by: string, metric: string, label: string, states: readonly string[]): string =>
  `max by (${by}) (${states.map((state, place) => `${place} * ${metric}{${label}="${state}"}`).join(' or ')})`

/** How many times faster than allowed the budget of 0.1 % of the requests is used up. */
const burn = (window: string): string =>
  `(sum(rate(${FAILED}[${window}])) or vector(0)) / sum(rate(${REQUESTS}[${window}])) / 0.001`

/** Every question, by topic. */
export const topics: readonly Topic[] = [
  {
    title: 'Requests',
    questions: [
      {
        title: 'How many requests come, by route?',
        unit: 'reqps',
        note: 'The series without a route is what no route was found for.',
        queries: [{ expr: `sum by (http_route) (rate(${REQUESTS}[5m]))`, legend: '{{http_route}}' }]
      },
      {
        title: 'How many fail, and whose fault is it?',
        unit: 'percentunit',
        note: 'A status: the handler. circuit_open, shed, pressure, draining, deadline: the service refused. aborted: the client left. cut: the service ended the answer. Answers with 4xx are no failures.',
        queries: [
          {
            expr: `sum by (error_type) (rate(${REQUESTS}{error_type!=""}[5m])) / ignoring (error_type) group_left () sum(rate(${REQUESTS}[5m]))`,
            legend: '{{error_type}}'
          }
        ]
      },
      {
        title: 'How long do they take (99 of 100), by route?',
        unit: 's',
        queries: [
          {
            expr: 'histogram_quantile(0.99, sum by (le, http_route) (rate(http_server_request_duration_seconds_bucket[5m])))',
            legend: '{{http_route}}'
          }
        ]
      },
      {
        title: 'How many are in flight?',
        unit: 'short',
        queries: [
          { expr: 'sum by (instance) (http_server_active_requests)', legend: '{{instance}}' }
        ]
      }
    ]
  },
  {
    title: 'Refusals',
    questions: [
      {
        title: 'Who turns clients away, and why?',
        unit: 'reqps',
        queries: [
          {
            expr: 'sum by (holdfast_refused_by, holdfast_reason) (rate(holdfast_refusals_total[5m]))',
            legend: '{{holdfast_refused_by}}: {{holdfast_reason}}'
          }
        ]
      },
      {
        title: 'What would enforcing do?',
        unit: 'reqps',
        note: 'What limits, breakers and load shedding in shadow would refuse. Load shedding counts too many: in shadow the load is never reduced.',
        queries: [
          {
            expr: 'sum by (holdfast_rate_limit_policy) (rate(holdfast_rate_limit_requests_total{holdfast_rate_limit_mode="shadow", holdfast_rate_limit_result=~"denied|banned"}[5m]))',
            legend: 'limit {{holdfast_rate_limit_policy}}'
          },
          {
            expr: `sum by (${BREAKER}) (rate(holdfast_circuit_breaker_refusals_total{holdfast_circuit_breaker_mode="shadow"}[5m]))`,
            legend: `breaker {{${BREAKER}}}`
          },
          {
            expr: 'sum(rate(holdfast_load_shedding_requests_total{holdfast_load_shedding_mode="shadow", holdfast_load_shedding_result="shed"}[5m]))',
            legend: 'load shedding'
          }
        ]
      },
      {
        title: 'Who is shed, by priority?',
        unit: 'reqps',
        queries: [
          {
            expr: 'sum by (holdfast_load_shedding_priority) (rate(holdfast_load_shedding_shed_requests_total{holdfast_load_shedding_mode="enforce"}[5m]))',
            legend: '{{holdfast_load_shedding_priority}}'
          }
        ]
      },
      {
        title: 'What never became a request?',
        unit: 'reqps',
        note: 'By the code of the error of Node: no HTTP, a head that is too large or too slow.',
        queries: [
          {
            expr: 'sum by (error_type) (rate(holdfast_malformed_requests_total[5m]))',
            legend: '{{error_type}}'
          }
        ]
      }
    ]
  },
  {
    title: 'Breakers and other services',
    questions: [
      {
        title: 'Which breakers are open?',
        unit: 'state',
        note: 'Of several instances the worst is shown.',
        states: [
          ['closed', 'green'],
          ['half-open', 'yellow'],
          ['open', 'red'],
          ['isolated', 'purple']
        ],
        queries: [
          {
            expr: worst(
              BREAKER,
              'holdfast_circuit_breaker_status',
              'holdfast_circuit_breaker_state',
              ['closed', 'half_open', 'open', 'isolated']
            ),
            legend: `{{${BREAKER}}}`
          }
        ]
      },
      {
        title: 'How many of the calls fail?',
        unit: 'percentunit',
        queries: [
          {
            expr: `sum by (${BREAKER}) (rate(holdfast_circuit_breaker_calls_total{holdfast_circuit_breaker_outcome="failure"}[5m])) / sum by (${BREAKER}) (rate(holdfast_circuit_breaker_calls_total{holdfast_circuit_breaker_outcome=~"success|failure"}[5m]))`,
            legend: `{{${BREAKER}}}`
          }
        ]
      },
      {
        title: 'What do breakers refuse?',
        unit: 'ops',
        note: 'state: it is open. concurrency: too many calls are under way.',
        queries: [
          {
            expr: `sum by (${BREAKER}, holdfast_circuit_breaker_reason) (rate(holdfast_circuit_breaker_refusals_total{holdfast_circuit_breaker_mode="enforce"}[5m]))`,
            legend: `{{${BREAKER}}}: {{holdfast_circuit_breaker_reason}}`
          }
        ]
      },
      {
        title: 'How often do they change their state?',
        unit: 'short',
        queries: [
          {
            expr: `sum by (${BREAKER}, holdfast_circuit_breaker_state) (increase(holdfast_circuit_breaker_transitions_total[5m]))`,
            legend: `{{${BREAKER}}}: {{holdfast_circuit_breaker_state}}`
          }
        ]
      },
      {
        title: 'How many calls are under way?',
        unit: 'short',
        note: 'Abandoned: nobody waits for them any more, and they still run.',
        queries: [
          {
            expr: `sum by (${BREAKER}) (holdfast_circuit_breaker_active_calls)`,
            legend: `{{${BREAKER}}}`
          },
          {
            expr: `sum by (${BREAKER}) (holdfast_circuit_breaker_abandoned_calls)`,
            legend: `{{${BREAKER}}}, abandoned`
          },
          {
            expr: `sum by (${UPSTREAM}) (holdfast_outgoing_active_tries)`,
            legend: `tries to {{${UPSTREAM}}}`
          }
        ]
      },
      {
        title: 'How long do other services take (99 of 100)?',
        unit: 's',
        queries: [
          {
            expr: `histogram_quantile(0.99, sum by (le, ${UPSTREAM}) (rate(http_client_request_duration_seconds_bucket[5m])))`,
            legend: `{{${UPSTREAM}}}`
          }
        ]
      },
      {
        title: 'What became of the tries?',
        unit: 'ops',
        queries: [
          {
            expr: `sum by (${UPSTREAM}, holdfast_outgoing_outcome) (rate(holdfast_outgoing_tries_total[5m]))`,
            legend: `{{${UPSTREAM}}}: {{holdfast_outgoing_outcome}}`
          }
        ]
      },
      {
        title: 'How much more do retries and hedges cost?',
        unit: 'percentunit',
        note: 'Retries and hedges for each call.',
        queries: [
          {
            expr: `sum by (${UPSTREAM}) (rate(holdfast_outgoing_retries_total{holdfast_outgoing_decision="retried"}[5m])) / sum by (${UPSTREAM}) (rate(holdfast_outgoing_calls_total[5m]))`,
            legend: `{{${UPSTREAM}}}, retries`
          },
          {
            expr: `sum by (${UPSTREAM}) (rate(holdfast_outgoing_hedges_total[5m])) / sum by (${UPSTREAM}) (rate(holdfast_outgoing_calls_total[5m]))`,
            legend: `{{${UPSTREAM}}}, hedges`
          }
        ]
      },
      {
        title: 'What is left of the retry budget?',
        unit: 'short',
        queries: [
          {
            expr: `min by (${UPSTREAM}) (holdfast_outgoing_budget_remaining)`,
            legend: `{{${UPSTREAM}}}`
          }
        ]
      }
    ]
  },
  {
    title: 'Limits',
    questions: [
      {
        title: 'What do the limits decide?',
        unit: 'reqps',
        queries: [
          {
            expr: 'sum by (holdfast_rate_limit_policy, holdfast_rate_limit_result) (rate(holdfast_rate_limit_requests_total[5m]))',
            legend: '{{holdfast_rate_limit_policy}}: {{holdfast_rate_limit_result}}'
          }
        ]
      },
      {
        title: 'How full is the table of clients?',
        unit: 'percentunit',
        queries: [
          {
            expr: 'sum by (instance) (holdfast_rate_limit_client_usage) / sum by (instance) (holdfast_rate_limit_client_limit)',
            legend: '{{instance}}'
          }
        ]
      },
      {
        title: 'How many clients are forgotten too early?',
        unit: 'ops',
        queries: [
          {
            expr: 'sum by (instance) (rate(holdfast_rate_limit_evictions_total[5m]))',
            legend: '{{instance}}'
          }
        ]
      },
      {
        title: 'Is the store there?',
        unit: 'state',
        states: [
          ['available', 'green'],
          ['lost', 'red']
        ],
        queries: [
          {
            expr: 'max by (instance) (holdfast_rate_limit_store_status{holdfast_rate_limit_store_state="unavailable"})',
            legend: '{{instance}}'
          }
        ]
      },
      {
        title: 'How often was it lost?',
        unit: 'short',
        queries: [
          {
            expr: 'sum by (instance) (increase(holdfast_rate_limit_store_outages_total[1h]))',
            legend: '{{instance}}'
          }
        ]
      }
    ]
  },
  {
    title: 'Process',
    questions: [
      {
        title: 'In which phase are the instances?',
        unit: 'state',
        states: [
          ['starting', 'blue'],
          ['ready', 'green'],
          ['draining', 'yellow'],
          ['stopping', 'orange'],
          ['closed', 'text']
        ],
        queries: [
          {
            expr: worst('instance', 'holdfast_lifecycle_status', 'holdfast_lifecycle_state', [
              'starting',
              'ready',
              'draining',
              'stopping',
              'closed'
            ]),
            legend: '{{instance}}'
          }
        ]
      },
      {
        title: 'Which checks fail?',
        unit: 'short',
        queries: [
          {
            expr: 'sum by (holdfast_lifecycle_check_name) (holdfast_lifecycle_check_status{holdfast_lifecycle_check_state="failed"})',
            legend: '{{holdfast_lifecycle_check_name}}'
          }
        ]
      },
      {
        title: 'What does a shutdown wait for?',
        unit: 'short',
        queries: [
          { expr: 'sum by (instance) (holdfast_lifecycle_active_tasks)', legend: '{{instance}}' }
        ]
      },
      {
        title: 'How busy is the event loop?',
        unit: 'percentunit',
        note: 'The first is the mean of the time between two scrapes, whatever their distance.',
        queries: [
          {
            expr: 'sum by (instance) (rate(nodejs_eventloop_time_seconds_total{nodejs_eventloop_state="active"}[5m]))',
            legend: '{{instance}}'
          },
          {
            expr: 'max by (instance) (nodejs_eventloop_utilization_ratio)',
            legend: '{{instance}}, now'
          }
        ]
      },
      {
        title: 'How late is the event loop?',
        unit: 's',
        queries: [
          {
            expr: 'max by (instance) (nodejs_eventloop_delay_max_seconds)',
            legend: '{{instance}}, longest'
          },
          {
            expr: 'max by (instance) (nodejs_eventloop_delay_mean_seconds)',
            legend: '{{instance}}, mean'
          }
        ]
      },
      {
        title: 'How many requests may be in flight, and how many are?',
        unit: 'short',
        note: 'There is a limit only while load shedding has one.',
        queries: [
          {
            expr: 'sum by (instance) (holdfast_load_shedding_active)',
            legend: '{{instance}}'
          },
          {
            expr: 'sum by (instance) (holdfast_load_shedding_limit)',
            legend: '{{instance}}, limit'
          }
        ]
      },
      {
        title: 'How much is shed?',
        unit: 'percentunit',
        queries: [
          {
            expr: 'sum by (instance) (rate(holdfast_load_shedding_requests_total{holdfast_load_shedding_result="shed"}[5m])) / sum by (instance) (rate(holdfast_load_shedding_requests_total[5m]))',
            legend: '{{instance}}'
          }
        ]
      },
      {
        title: 'How much memory is used?',
        unit: 'bytes',
        queries: [
          { expr: 'sum by (instance) (v8js_memory_heap_used_bytes)', legend: '{{instance}}, heap' },
          { expr: 'sum by (instance) (process_memory_usage_bytes)', legend: '{{instance}}, all' }
        ]
      },
      {
        title: 'How much processor time is used?',
        unit: 'percentunit',
        note: '100 % is one core.',
        queries: [
          {
            expr: 'sum by (instance, cpu_mode) (rate(process_cpu_time_seconds_total[5m]))',
            legend: '{{instance}}, {{cpu_mode}}'
          }
        ]
      },
      {
        title: 'What becomes of log lines?',
        unit: 'ops',
        queries: [
          {
            expr: 'sum by (holdfast_request_log_decision) (rate(holdfast_request_log_lines_total[5m]))',
            legend: '{{holdfast_request_log_decision}}'
          }
        ]
      }
    ]
  },
  {
    title: 'Error budget',
    questions: [
      {
        title: 'How fast is the error budget used up?',
        unit: 'short',
        note: '1 uses up a budget of 0.1 % in the 30 days that it is for. Clients that left are not counted.',
        queries: [
          { expr: burn('1h'), legend: 'one hour' },
          { expr: burn('6h'), legend: 'six hours' },
          { expr: burn('3d'), legend: 'three days' }
        ]
      },
      {
        title: 'What is left of the error budget of 30 days?',
        unit: 'percentunit',
        queries: [{ expr: `1 - (${burn('30d')})`, legend: 'left' }]
      }
    ]
  }
]
