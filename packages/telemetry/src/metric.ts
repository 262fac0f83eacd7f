/**
 * What a metric is: the words that the text for Prometheus and the OpenTelemetry instruments share.
 */
import type { InstrumentDescription, MeterAttributes } from './meter.ts'
import type { ReadStates } from './read-states.ts'
import type { RuntimeReading } from './runtime-reading.ts'

/**
 * How a metric behaves: it only grows, it is a number of things that come and go and can be added up, or
 * it is a value that cannot be.
 */
export type ObservedKind = 'counter' | 'up-down-counter' | 'gauge'

/** One value of a metric at one moment. */
export interface Sample {
  readonly value: number
  readonly attributes: MeterAttributes
}

/** What the samples of metrics are made from. */
export interface MetricSource {
  readonly states: ReadStates
  /** Bounds the names of breakers, which may come and go: the first ones stay, the others share one. */
  readonly breakerName: (name: string) => string
  /** The process; `undefined` where its metrics are not wanted. */
  readonly runtime?: RuntimeReading | undefined
}

/** A metric that is read when somebody asks. */
export interface ObservedMetric extends InstrumentDescription {
  /** The name by the rules of OpenTelemetry. */
  readonly name: string
  readonly kind: ObservedKind
  /** The names of its attributes. */
  readonly attributes: readonly string[]
  /** Whether it is of the process, and the same for all of its apps. */
  readonly isOfProcess?: true
  /** Its samples; several with the same attributes are added up. */
  read(source: MetricSource): Iterable<Sample>
}

/** Adds samples with the same attributes up. */
export function summed(samples: Iterable<Sample>): Sample[] {
  const sums = new Map<string, Sample>()
  for (const { value, attributes } of samples) {
    const key = JSON.stringify(attributes)
    sums.set(key, { value: (sums.get(key)?.value ?? 0) + value, attributes })
  }
  return [...sums.values()]
}

/** A sample with 1 for the present state, and with 0 for every other one. */
export function* statusSamples(
  states: readonly string[],
  present: string,
  attributesOf: (state: string) => MeterAttributes
): Iterable<Sample> {
  for (const state of states) {
    yield { value: state === present ? 1 : 0, attributes: attributesOf(state) }
  }
}

/** A word of the suite as a value of an attribute: `half_open` for `half-open`. */
export function word(text: string): string {
  return text.replaceAll('-', '_')
}
