/**
 * As much of OpenTelemetry's `Meter` as is used, so that nobody needs its types.
 */

/** Attributes of a measurement: names and values that are few by construction. */
export type MeterAttributes = Readonly<Record<string, string | number | boolean>>

/** An instrument that is read when the metrics are collected. */
// biome-ignore lint/suspicious/noEmptyInterface: only handed back to its meter
export interface ObservableInstrument {}

/** What a callback of {@link MeterLike} writes its values to. */
export interface ObservationResult {
  observe(instrument: ObservableInstrument, value: number, attributes: MeterAttributes): void
}

/** Writes the values of instruments, whenever metrics are collected. */
export type ObservationCallback = (result: ObservationResult) => void

/** Records durations. */
export interface DurationInstrument {
  /** @param seconds how long it took */
  record(seconds: number, attributes: MeterAttributes): void
}

/** How an instrument is described. */
export interface InstrumentDescription {
  readonly description: string
  /** By the rules of UCUM: `s`, `By`, `{request}`. */
  readonly unit: string
}

/** A `Meter` of `@opentelemetry/api` 1.9 or later. */
export interface MeterLike {
  createObservableCounter(name: string, options: InstrumentDescription): ObservableInstrument
  createObservableUpDownCounter(name: string, options: InstrumentDescription): ObservableInstrument
  createObservableGauge(name: string, options: InstrumentDescription): ObservableInstrument
  createHistogram(
    name: string,
    options: InstrumentDescription & {
      readonly advice: { readonly explicitBucketBoundaries: number[] }
    }
  ): DurationInstrument
  addBatchObservableCallback(
    callback: ObservationCallback,
    instruments: ObservableInstrument[]
  ): void
  removeBatchObservableCallback(
    callback: ObservationCallback,
    instruments: ObservableInstrument[]
  ): void
}
