/**
 * The metrics as text, made at most once a second however often it is asked for, and the places that give
 * it: a route of the app, or the listener for operators.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type AdminAddress, monotonicClock, mountAdmin } from '@holdfast/core'
import type { FastifyInstance } from 'fastify'
import { CONTENT_TYPES, type Format, formatOf } from '../accept.ts'
import { type HistogramFamily, textOf } from '../exposition.ts'
import type { MetricsRoute } from '../options.ts'
import type { ReadSource } from './open-telemetry.ts'

/** A text, and what of it is sent: encoded once for all who ask. */
interface Made {
  readonly text: string
  readonly body: Buffer
  readonly at: number
}

/** For how long a text is given again, in milliseconds. */
const LIFETIME = 1000

/** The path on the listener for operators. */
const ADMIN_PATH = '/metrics'

/** Makes the text. */
export class MetricsText {
  readonly #source: ReadSource
  readonly #histograms: () => readonly HistogramFamily[]
  readonly #latest = new Map<Format, Made>()

  constructor(source: ReadSource, histograms: () => readonly HistogramFamily[]) {
    this.#source = source
    this.#histograms = histograms
  }

  /** The text in that format, at most a second old. */
  in(format: Format): Made {
    const now = monotonicClock()
    const latest = this.#latest.get(format)
    if (latest !== undefined && now - latest.at < LIFETIME) return latest
    const text = textOf(this.#source(), this.#histograms(), format)
    const made = { text, body: Buffer.from(text), at: now }
    this.#latest.set(format, made)
    return made
  }
}

/** Adds the route that answers with the metrics. */
export function addMetricsRoute(
  app: FastifyInstance,
  { path, onRequest }: Required<MetricsRoute> & { readonly path: string },
  text: MetricsText
): void {
  app.route({
    method: 'GET',
    url: path,
    config: { holdfast: { probe: true } },
    ...(onRequest === undefined ? {} : { onRequest }),
    handler: (request, reply) => {
      const format = formatOf(request.headers.accept)
      reply
        .header('cache-control', 'no-store')
        .header('vary', 'accept')
        .type(CONTENT_TYPES[format])
        .send(text.in(format).body)
    }
  })
}

/** Answers with the metrics on the listener for operators. */
export function mountMetrics(app: FastifyInstance, address: AdminAddress, text: MetricsText): void {
  const handle = ({ headers, method }: IncomingMessage, response: ServerResponse): void => {
    const format = formatOf(headers.accept)
    const { body } = text.in(format)
    response.writeHead(200, {
      'content-type': CONTENT_TYPES[format],
      'content-length': body.length,
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff'
    })
    response.end(method === 'HEAD' ? undefined : body)
  }
  mountAdmin(app, address, { path: ADMIN_PATH, handle }, 'telemetry.listen')
}
