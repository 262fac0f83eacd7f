/**
 * The metrics of `@holdfast/telemetry` by the names that Prometheus knows them by, and what of a query is such a
 * name.
 */
import { familyOf } from '../../../packages/telemetry/dist/exposition.js'
import {
  CLIENT_DURATION,
  METRICS,
  REQUEST_DURATION
} from '../../../packages/telemetry/dist/metric-table.js'

/** A metric, as Prometheus sees it. */
export interface KnownMetric {
  /** The name by the rules of OpenTelemetry. */
  readonly name: string
  /** The name without the suffixes of its samples. */
  readonly family: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly unit: string
  readonly description: string
  /** The names of its samples. */
  readonly samples: readonly string[]
  readonly labels: readonly string[]
}

const HISTOGRAM_SAMPLES = ['_bucket', '_sum', '_count']
const labelOf = (attribute: string): string => attribute.replaceAll('.', '_')

const histograms = [REQUEST_DURATION, CLIENT_DURATION].map((metric): KnownMetric => {
  const family = familyOf({ ...metric, kind: 'histogram' })
  return {
    ...metric,
    family,
    type: 'histogram',
    samples: HISTOGRAM_SAMPLES.map((suffix) => family + suffix),
    labels: [...metric.attributes.map(labelOf), 'le']
  }
})

const observed = METRICS.map((metric): KnownMetric => {
  const family = familyOf(metric)
  const isCounter = metric.kind === 'counter'
  return {
    ...metric,
    family,
    type: isCounter ? 'counter' : 'gauge',
    samples: [isCounter ? `${family}_total` : family],
    labels: metric.attributes.map(labelOf)
  }
})

/** Every metric, durations first. */
export const metrics: readonly KnownMetric[] = [...histograms, ...observed]

const bySample = new Map(
  metrics.flatMap((metric) => metric.samples.map((sample) => [sample, metric] as const))
)

/** What every scrape adds. */
const SCRAPE_LABELS = ['job', 'instance']
/** Names that begin as those of metrics and labels do. A recording rule has a colon before it. */
const NAME = /(?<![\w:$])(?:http|url|network|error|server|holdfast|nodejs|v8js|process|cpu)_\w+/g
const TEXT = /"[^"]*"/g

/** A use of a metric in a query. */
export interface Use {
  readonly metric: KnownMetric
  readonly sample: string
  /** The names of the labels that its selector names. */
  readonly labels: readonly string[]
}

/** The metrics that a query reads. */
export function usesOf(query: string): Use[] {
  const uses: Use[] = []
  for (const [, sample = '', selector = ''] of query.matchAll(/(\w+)(?:\{([^}]*)\})?/g)) {
    const metric = bySample.get(sample)
    if (metric === undefined) continue
    const matchers = selector.replace(TEXT, '').matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)
    uses.push({ metric, sample, labels: [...matchers].map(([, label = '']) => label) })
  }
  return uses
}

/** Says what in a query no metric has: names that are neither samples nor labels of what it reads. */
export function unknownIn(query: string): string[] {
  const uses = usesOf(query)
  const known = new Set(uses.flatMap(({ metric }) => metric.labels))
  const names = [...query.replace(TEXT, '').matchAll(NAME)].map(([name]) => name)
  const unknown = names.filter((name) => !bySample.has(name) && !known.has(name))
  const mismatched = uses.flatMap(({ metric, sample, labels }) =>
    labels
      .filter((label) => ![...metric.labels, ...SCRAPE_LABELS].includes(label))
      .map((label) => `${sample}{${label}}`)
  )
  return [...unknown, ...mismatched]
}

/** Adds matchers to each selector of a query, as `matchersOf` says for a metric. */
export function narrowed(query: string, matchersOf: (metric: KnownMetric) => string[]): string {
  return query.replace(/\b(\w+)(?:\{([^}]*)\})?/g, (whole, sample: string, own?: string) => {
    const metric = bySample.get(sample)
    if (metric === undefined) return whole
    const matchers = [...(own ? [own] : []), ...matchersOf(metric)]
    return `${sample}{${matchers.join(', ')}}`
  })
}
