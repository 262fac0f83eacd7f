/**
 * The metrics as text that Prometheus reads: its own format 0.0.4, and OpenMetrics 1.0. Names follow the
 * rules by which OpenTelemetry's are translated, units included.
 */
import type { Format } from './accept.ts'
import type { Series } from './duration-series.ts'
import type { Exemplar } from './exemplars.ts'
import { DURATION_BOUNDS } from './histogram.ts'
import type { InstrumentDescription, MeterAttributes } from './meter.ts'
import { type MetricSource, type ObservedMetric, summed } from './metric.ts'
import { type HistogramDescription, METRICS } from './metric-table.ts'

const UNIT_WORDS: ReadonlyMap<string, string> = new Map([
  ['s', 'seconds'],
  ['By', 'bytes']
])

/** The name of a metric in Prometheus, without the `_total` of counters. */
export function familyOf({ name, unit, kind }: FamilyDescription): string {
  const base = name.replaceAll('.', '_')
  const word = UNIT_WORDS.get(unit) ?? (unit === '1' && kind === 'gauge' ? 'ratio' : undefined)
  return word === undefined ? base : `${base}_${word}`
}

interface FamilyDescription extends InstrumentDescription {
  readonly name: string
  readonly kind: ObservedMetric['kind'] | 'histogram'
}

/** A histogram with its series. */
export interface HistogramFamily {
  readonly description: HistogramDescription
  readonly series: readonly Series[]
}

/** Writes every metric that has a sample. */
export function textOf(
  source: MetricSource,
  histograms: readonly HistogramFamily[],
  format: Format
): string {
  let text = ''
  for (const metric of METRICS) {
    const samples = summed(metric.read(source))
    if (samples.length === 0) continue
    const family = familyOf(metric)
    const name = metric.kind === 'counter' ? `${family}_total` : family
    text += headOf(metric, format)
    for (const { value, attributes } of samples) {
      text += `${name}${labelsOf(attributes)} ${value}\n`
    }
  }
  for (const { description, series } of histograms) {
    if (series.length === 0) continue
    const family = { ...description, kind: 'histogram' } as const
    text += headOf(family, format)
    const name = familyOf(family)
    for (const one of series) text += histogramText(name, one, format)
  }
  return format === 'openmetrics' ? `${text}# EOF\n` : text
}

function headOf(metric: FamilyDescription, format: Format): string {
  const family = familyOf(metric)
  // The older format calls a counter by the name of its sample.
  const name = metric.kind === 'counter' && format === 'prometheus' ? `${family}_total` : family
  const type = metric.kind === 'up-down-counter' ? 'gauge' : metric.kind
  const word = UNIT_WORDS.get(metric.unit)
  const unit = format === 'openmetrics' && word !== undefined ? `# UNIT ${name} ${word}\n` : ''
  return `# HELP ${name} ${metric.description}\n# TYPE ${name} ${type}\n${unit}`
}

/** What follows the labels of each bucket. */
const BOUNDS: readonly string[] = [...DURATION_BOUNDS, undefined].map(
  (bound) => `,le="${boundText(bound)}"} `
)

function histogramText(name: string, series: Series, format: Format): string {
  const { histogram, exemplars } = series
  series.labels ??= labelListOf(series.attributes)
  const { labels } = series
  // One string for all of the buckets: an answer has thousands of them.
  const head = `${name}_bucket{${labels}`
  let text = ''
  let count = 0
  for (let bucket = 0; bucket < BOUNDS.length; bucket++) {
    count += histogram.counts[bucket] as number
    const example = format === 'openmetrics' ? exemplarText(exemplars?.of(bucket)) : ''
    text += `${head}${BOUNDS[bucket]}${count}${example}\n`
  }
  return `${text}${name}_sum{${labels}} ${histogram.sum}\n${name}_count{${labels}} ${count}\n`
}

/** The older format has none. */
function exemplarText(exemplar: Exemplar | undefined): string {
  if (exemplar === undefined) return ''
  return ` # {trace_id="${exemplar.traceId}"} ${exemplar.seconds} ${exemplar.at.toFixed(3)}`
}

/** Bounds are floats in OpenMetrics: `1.0`. So both formats write them. */
function boundText(bound: number | undefined): string {
  if (bound === undefined) return '+Inf'
  return Number.isInteger(bound) ? `${bound}.0` : String(bound)
}

function labelsOf(attributes: MeterAttributes): string {
  const labels = labelListOf(attributes)
  return labels === '' ? '' : `{${labels}}`
}

function labelListOf(attributes: MeterAttributes): string {
  return Object.entries(attributes)
    .map(([name, value]) => `${name.replaceAll('.', '_')}="${escaped(String(value))}"`)
    .join(',')
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}
