import { fileURLToPath } from 'node:url'
import { figureOf } from '../harness/cells.js'
import { compareEngines } from '../harness/engines.js'
import { requestQuestion } from '../harness/request-question.js'
import { nothing, ratioOf } from '../harness/statistics.js'
import { onRequestPath, scrape } from '../variants/names.js'
import { PEERS } from './suite.js'

const modulePath = fileURLToPath(new URL('../variants/scrapes.js', import.meta.url))
const { fastifyMetrics, fastifyOtel, suite, suiteWithTelemetry, peersWithTelemetry } = onRequestPath

const route = requestQuestion({
  name: 'telemetry',
  title: 'Metrics',
  asks: 'What does telemetry add to a request, alone and over the suite, beside fastify-metrics and @fastify/otel, and what does a scrape of 500 series cost?',
  versions: [...PEERS, 'fastify-metrics', '@fastify/otel', 'prom-client'],
  variants: [
    onRequestPath.telemetry,
    fastifyMetrics,
    fastifyOtel,
    suite,
    suiteWithTelemetry,
    peersWithTelemetry
  ],
  pairs: [
    { ours: onRequestPath.telemetry, peer: fastifyMetrics, aim: 0.25 },
    { ours: onRequestPath.telemetry, peer: fastifyOtel, aim: 0.1 },
    { ours: suiteWithTelemetry, peer: peersWithTelemetry, aim: 0.4 }
  ]
})

/** @type {import('../harness/report.js').Question} */
export const telemetryQuestion = {
  ...route,
  async run(effort, samples) {
    const size = effort.name === 'smoke' ? { scrapes: 1 } : {}
    const names = Object.values(scrape)
    const figures = compareEngines(modulePath, names, size, { rounds: effort.rounds }, samples)
    const of = (/** @type {string} */ name) => figures[name]?.['milliseconds'] ?? nothing
    const findings = await route.run(effort, samples)
    return {
      ...findings,
      tables: [
        ...findings.tables,
        {
          title: 'A scrape of 500 series',
          columns: ['text by', 'CPU ms', 'of prom-client', 'aim'],
          rows: names.map((name) => [
            name,
            figureOf(of(name)),
            figureOf(ratioOf(of(name), of(scrape.promClient))),
            ...(name === scrape.telemetry ? [{ atMost: 0.4 }] : ['-'])
          ])
        }
      ]
    }
  }
}
