/**
 * Writing the durations of 500 series as text, as a scrape does.
 */
import { telemetry } from '@holdfast/telemetry'
import Fastify from 'fastify'
import { Histogram, Registry } from 'prom-client'
import { scrape } from './names.js'

const SERIES = 500
const BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]
const LABELS = ['method', 'scheme', 'route', 'status', 'version']
const MICROSECONDS = 1000
/** Longer than a text is kept. */
const PAUSE = 1050

/** CPU of the process in microseconds. */
function cpu() {
  const { user, system } = process.cpuUsage()
  return user + system
}

/** @param {number} scrapes @param {() => string | Promise<string>} write @param {number} pause ms */
async function timed(scrapes, write, pause) {
  let spent = 0
  for (let index = 0; index < scrapes; index++) {
    await new Promise((resolve) => setTimeout(resolve, pause))
    const begun = cpu()
    const text = await write()
    spent += cpu() - begun
    const series = text.match(/_count\{/g)?.length
    if (series !== SERIES) throw new Error(`${SERIES} series expected, ${series} written`)
  }
  return { milliseconds: spent / scrapes / MICROSECONDS }
}

/** @type {Record<string, import('../harness/engines.js').Engine>} */
export const engines = {
  async [scrape.promClient]({ scrapes = 8 }) {
    const registry = new Registry()
    const histogram = new Histogram({
      name: 'http_server_request_duration_seconds',
      help: 'Duration of HTTP server requests.',
      labelNames: LABELS,
      buckets: BOUNDS,
      registers: [registry]
    })
    for (let index = 0; index < SERIES; index++) {
      const values = ['GET', 'http', `/route-${index}/:id`, '200', '1.1']
      histogram.observe(Object.fromEntries(LABELS.map((name, at) => [name, values[at]])), 0.03)
    }
    return timed(scrapes, () => registry.metrics(), 10)
  },

  async [scrape.telemetry]({ scrapes = 8 }) {
    const app = Fastify()
    await app.register(telemetry, { runtime: false, openTelemetry: false, metrics: false })
    for (let index = 0; index < SERIES; index++) app.get(`/route-${index}/:id`, async () => 'ok')
    for (let index = 0; index < SERIES; index++) await app.inject(`/route-${index}/1`)
    const figures = await timed(scrapes, () => app.telemetry.text(), PAUSE)
    await app.close()
    return figures
  }
}
