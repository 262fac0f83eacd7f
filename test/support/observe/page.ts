/**
 * The page `docs/observe.md`, from the questions, the rules and the table of metrics.
 */
import { metrics } from './metrics.ts'
import { topics } from './questions.ts'

/** An alert of `rules.yml`. */
export interface Alert {
  readonly alert: string
  readonly expr: string
  readonly for?: string
  readonly labels: { readonly severity: string }
  readonly annotations: {
    readonly summary: string
    readonly description: string
    readonly runbook_url: string
  }
}

const HEAD = `# Observe

What a service says of itself in metrics, and how to ask it. \`@holdfast/telemetry\` makes the metrics,
Prometheus collects them, Grafana draws them.

\`\`\`mermaid
flowchart LR
  subgraph service
    plugins["limits, breakers, shedding, lifecycle, log"] -- totals and states --> telemetry
  end
  Prometheus -- "GET /metrics" --> telemetry
  telemetry -. OpenTelemetry API .-> SDK["your SDK, if you have one"]
  rules.yml --> Prometheus
  Prometheus -- alerts --> Alertmanager
  Grafana -- dashboard.json --> Prometheus
\`\`\`

## Begin

\`\`\`js
await app.register(holdfast, { telemetry: {} }) // GET /metrics
\`\`\`

\`\`\`yaml
# prometheus.yml
rule_files:
  - node_modules/@holdfast/telemetry/rules.yml
scrape_configs:
  - job_name: shop
    scrape_interval: 15s
    static_configs:
      - targets: ['shop.internal:3000']
\`\`\`

In Grafana: Dashboards, New, Import, and there \`node_modules/@holdfast/telemetry/dashboard.json\`. It asks for nothing:
data source, job, instance and breaker are chosen at its top.

- \`telemetry: { listen: {} }\` answers on 127.0.0.1:9464 in place of the app's port, to the very end of a shutdown.
- Exemplars, the trace of one request for each bucket, are kept by a Prometheus that runs with
  \`--enable-feature=exemplar-storage\`.
- [Through OpenTelemetry](open-telemetry.md) the names are the same if the Collector or the OTLP receiver of Prometheus
  adds units and suffixes. The Prometheus exporter of OpenTelemetry for JavaScript leaves the units out: the rules and the
  dashboard do not fit its names.

[examples/observability](../examples/observability) shows all of it in a terminal.

## Questions

The dashboard has a panel for each of these. Its queries are the same, narrowed to the job, the instance and the breaker
that are chosen.
`

/** What to do when an alert fires. */
const REMEDIES: Readonly<Record<string, string>> = {
  HoldfastBreakerOpen:
    'Look at what the breaker calls: its own alerts, its last deploy. The line of each refused request names the breaker; the log says at each opening what the calls failed with. The service answers without it meanwhile.',
  HoldfastBreakerFlapping:
    'What it calls can serve a few calls and not all of them. Give it more room, call it less (`maxConcurrent`), or let the breaker begin slowly with `halfOpen: { ramp }`.',
  HoldfastManyDenied:
    'One client or all of them? The log lines of the denied requests say it. One: it should obey `Retry-After`, or be banned. All: the limit is too small, or the service is flooded.',
  HoldfastStoreLost:
    "Look at Redis. Limits are kept by each process for itself meanwhile (`onStoreError: 'local'`), so that a client may have its limit at each of them.",
  HoldfastShedding:
    'More comes than can be finished. Add instances; find out what made requests more expensive; give routes that can be missing for a while the priority `optional` or `bulk`. See [overload](overload.md).',
  HoldfastShutdownSlow:
    'Its log names the steps and requests that it waits for. A `gracePeriod` of more than a minute is a reason to make the minute of the rule longer.',
  HoldfastEventLoopLate:
    'Something computes for too long at once: large JSON, a regular expression, synchronous calls of fs, crypto or zlib. `node --cpu-prof` shows it.',
  HoldfastErrorBudgetBurn:
    'Ask whose fault it is: the second question above. Two hours of an outage use up the budget of a month.',
  HoldfastErrorBudgetBurnSlow:
    'Nobody has to get up for it. Ask whose fault it is, and fix it this week.'
}

function alertSection({ alert, expr, for: duration, labels }: Alert): string {
  const remedy = REMEDIES[alert]
  if (remedy === undefined) throw new Error(`The page does not say what to do about ${alert}.`)
  const held = duration === undefined ? '' : `, for ${duration}`
  return `### ${alert}\n\n${labels.severity}${held}\n\n\`\`\`promql\n${expr.trim()}\n\`\`\`\n\n${remedy}\n`
}

function topicSections(): string[] {
  return topics.map(({ title, questions }) => {
    const parts = questions.map(({ title, queries, note }) => {
      const code = queries.map(({ expr }) => expr).join('\n\n')
      return `**${title}**${note === undefined ? '' : ` ${note}`}\n\n\`\`\`promql\n${code}\n\`\`\`\n`
    })
    return `### ${title}\n\n${parts.join('\n')}`
  })
}

function metricRows(): string {
  const rows = metrics.map(({ family, type, samples, unit, labels, description }) => {
    const name = type === 'counter' ? (samples[0] ?? family) : family
    const own = labels.filter((label) => label !== 'le').map((label) => `\`${label}\``)
    return `| \`${name}\` | ${type} | ${unit} | ${own.join(', ')} | ${description} |`
  })
  return [
    '| metric | type | unit | labels | what it is |',
    '| --- | --- | --- | --- | --- |',
    ...rows
  ].join('\n')
}

/** Writes the page. */
export function observePage(alerts: readonly Alert[]): string {
  return [
    HEAD,
    ...topicSections(),
    `## Alerts

[\`rules.yml\`](../packages/telemetry/rules.yml) has them; \`promtool\` [tests](../packages/telemetry/test/rules.promtool.yml)
what raises each of them, and what must not. \`critical\`: somebody should look now. \`warning\`: somebody should look today.
`,
    ...alerts.map(alertSection),
    `## Metrics

A histogram has the samples \`_bucket\` (label \`le\`), \`_sum\` and \`_count\`. A metric without a value is left out: that of a
plugin that is not registered, for example.

${metricRows()}

This page is generated from the table of metrics, the questions of the dashboard and the rules.
`
  ].join('\n')
}
