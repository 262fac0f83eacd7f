/**
 * The metrics as text, made at most once a second however often it is asked for, and the route that gives
 * it.
 */
import { monotonicClock } from '@holdfast/core'
import type { FastifyInstance } from 'fastify'
import type { DurationSeries } from '../duration-series.ts'
import { CONTENT_TYPES, type Format, formatOf, textOf } from '../exposition.ts'
import type { MetricsRoute } from '../options.ts'
import type { ReadSource } from './open-telemetry.ts'

/** A text and its content type. */
export interface TypedText {
  readonly contentType: string
  readonly text: string
}

/** For how long a text is given again, in milliseconds. */
const LIFETIME = 1000

/** Makes the text. */
export class MetricsText {
  readonly #source: ReadSource
  readonly #series: DurationSeries
  readonly #texts = new Map<Format, { readonly text: string; readonly madeAt: number }>()

  constructor(source: ReadSource, series: DurationSeries) {
    this.#source = source
    this.#series = series
  }

  /** @param accept the `Accept` header of whoever asks */
  read(accept?: string): TypedText {
    const format = formatOf(accept)
    const contentType = CONTENT_TYPES[format]
    const now = monotonicClock()
    const latest = this.#texts.get(format)
    if (latest !== undefined && now - latest.madeAt < LIFETIME)
      return { contentType, text: latest.text }
    const text = textOf(this.#source(), this.#series.all, format)
    this.#texts.set(format, { text, madeAt: now })
    return { contentType, text }
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
      const { contentType, text: body } = text.read(request.headers.accept)
      reply.header('cache-control', 'no-store').type(contentType).send(body)
    }
  })
}
