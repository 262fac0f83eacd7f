/**
 * The metrics as instruments of an OpenTelemetry meter. Counters and states are observed when somebody
 * collects, so that requests cost nothing. Only durations are recorded, since the API has no histogram
 * that can be observed.
 */
import { reportOnce } from '@holdfast/core'
import { DURATION_BOUNDS } from '../histogram.ts'
import type {
  DurationInstrument,
  MeterAttributes,
  MeterLike,
  ObservableInstrument,
  ObservationCallback
} from '../meter.ts'
import { type MetricSource, type ObservedMetric, type Sample, summed } from '../metric.ts'
import { METRICS, REQUEST_DURATION } from '../metric-table.ts'

const SDK = 'the OpenTelemetry SDK'

/** Reads what an app knows; called whenever metrics are collected. */
export type ReadSource = () => MetricSource

/** Records how long a request took. */
export type RecordDuration = (seconds: number, attributes: MeterAttributes) => void

/** The instruments of a meter, for all apps of the process that use it: two observers of one would overwrite each other. */
class Instruments {
  readonly sources: Set<ReadSource> = new Set()
  readonly #meter: MeterLike
  readonly #observables: ReadonlyMap<ObservedMetric, ObservableInstrument>

  constructor(meter: MeterLike) {
    this.#meter = meter
    this.#observables = new Map(METRICS.map((metric) => [metric, observableOf(meter, metric)]))
  }

  add(source: ReadSource): void {
    if (this.sources.size === 0) {
      this.#meter.addBatchObservableCallback(this.#observe, [...this.#observables.values()])
    }
    this.sources.add(source)
  }

  remove(source: ReadSource): void {
    this.sources.delete(source)
    if (this.sources.size === 0) {
      this.#meter.removeBatchObservableCallback(this.#observe, [...this.#observables.values()])
    }
  }

  readonly #observe: ObservationCallback = (result) => {
    try {
      const sources = [...this.sources].map((read) => read())
      for (const [metric, instrument] of this.#observables) {
        for (const { value, attributes } of summed(samplesOf(metric, sources))) {
          result.observe(instrument, value, attributes)
        }
      }
    } catch (error) {
      reportOnce(this, 'what observes the metrics for OpenTelemetry', error)
    }
  }
}

function* samplesOf(metric: ObservedMetric, sources: readonly MetricSource[]): Iterable<Sample> {
  for (const source of metric.isOfProcess ? sources.slice(0, 1) : sources)
    yield* metric.read(source)
}

function observableOf(
  meter: MeterLike,
  { name, kind, description, unit }: ObservedMetric
): ObservableInstrument {
  const options = { description, unit }
  switch (kind) {
    case 'counter':
      return meter.createObservableCounter(name, options)
    case 'up-down-counter':
      return meter.createObservableUpDownCounter(name, options)
    case 'gauge':
      return meter.createObservableGauge(name, options)
  }
}

const instrumentsOf = new WeakMap<MeterLike, Instruments>()

/**
 * Lets a meter observe every metric, until the returned function is called.
 *
 * @param source reads what the app knows
 */
export function observeMetrics(meter: MeterLike, source: ReadSource): () => void {
  const instruments = instrumentsOf.get(meter) ?? new Instruments(meter)
  instrumentsOf.set(meter, instruments)
  instruments.add(source)
  return () => instruments.remove(source)
}

/** Makes the instrument for durations. Recording never throws. */
export function durationRecorder(meter: MeterLike): RecordDuration {
  const { name, description, unit } = REQUEST_DURATION
  const advice = { explicitBucketBoundaries: [...DURATION_BOUNDS] }
  const histogram: DurationInstrument = meter.createHistogram(name, { description, unit, advice })
  return (seconds, attributes) => {
    try {
      histogram.record(seconds, attributes)
    } catch (error) {
      reportOnce(histogram, SDK, error)
    }
  }
}

/**
 * Whether instrumentation-http measures the requests of a server: it wraps the `emit` of Node's classes,
 * and leaves the marks of its kind. It does not know HTTP/2.
 */
export function isInstrumented({ emit }: { readonly emit: unknown }): boolean {
  const { __wrapped, __original } = emit as { __wrapped?: unknown; __original?: unknown }
  return __wrapped === true && typeof __original === 'function'
}
