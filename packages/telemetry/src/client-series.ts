/**
 * The durations of tries of outgoing calls, by the attributes of `http.client.request.duration`.
 */
import { knownMethod, Series } from './duration-series.ts'
import { DURATION_BOUNDS } from './histogram.ts'
import type { UpstreamDurations } from './state.ts'

/** A try that has ended. */
export interface EndedTry {
  readonly upstream: string
  readonly method: string
  /** `undefined` when there was no answer. */
  readonly status: number | undefined
  readonly error: unknown
  /** `'success'`, or what else it says about the upstream. */
  readonly outcome: string
  /** Milliseconds until its answer began, or until it failed. */
  readonly duration: number
}

const FIRST_ERROR = 400
const MILLISECONDS = 1000
/** The codes of Node, undici and the suite. */
const CODE = /^[A-Z][A-Z\d_]{1,60}$/
const OTHER = '_OTHER'
const OVERFLOW = { 'otel.metric.overflow': true }

/** Finds the series of a try. */
export class ClientSeries {
  readonly #max: number
  readonly #byKey = new Map<string, { readonly upstream: string; readonly series: Series }>()
  readonly #overflow = { upstream: OTHER, series: new Series(OVERFLOW) }

  /** @param max the most series, beside the one of all that are too many */
  constructor(max: number) {
    this.#max = max
  }

  /** @param origin scheme, host and port of the upstream */
  record(ended: EndedTry, origin: string): void {
    const { upstream, status, duration } = ended
    const method = knownMethod(ended.method)
    const errorType = errorTypeOf(ended)
    const key = JSON.stringify([upstream, method, status, errorType])
    const found =
      this.#byKey.get(key) ?? this.#add(key, upstream, method, origin, status, errorType)
    found.series.histogram.record(duration / MILLISECONDS)
  }

  #add(
    key: string,
    upstream: string,
    method: string,
    origin: string,
    status: number | undefined,
    errorType: string | undefined
  ): { readonly series: Series } {
    if (this.#byKey.size >= this.#max) return this.#overflow
    const { hostname, port, protocol } = new URL(origin)
    const series = new Series({
      'holdfast.outgoing.upstream': upstream,
      'http.request.method': method,
      'server.address': hostname,
      'server.port': Number(port || (protocol === 'https:' ? 443 : 80)),
      ...(status === undefined ? {} : { 'http.response.status_code': status }),
      ...(errorType === undefined ? {} : { 'error.type': errorType })
    })
    const added = { upstream, series }
    this.#byKey.set(key, added)
    return added
  }

  /** Every series, that of all that are too many included once there is something in it. */
  get all(): Series[] {
    const all = [...this.#byKey.values()].map(({ series }) => series)
    const { series } = this.#overflow
    return series.histogram.count > 0 ? [...all, series] : all
  }

  /** The durations of each upstream, whatever came of its tries. */
  get byUpstream(): Record<string, UpstreamDurations> {
    const sums = new Map<string, { readonly counts: number[]; sum: number }>()
    for (const { upstream, series } of this.#byKey.values()) {
      const { histogram } = series
      const sum = sums.get(upstream) ?? { counts: DURATION_BOUNDS.concat(0).map(() => 0), sum: 0 }
      sums.set(upstream, sum)
      sum.sum += histogram.sum
      for (const [bucket, count] of histogram.counts.entries()) {
        sum.counts[bucket] = (sum.counts[bucket] as number) + count
      }
    }
    return Object.fromEntries(sums)
  }
}

/** The status where the answer was 4xx or 5xx, the code of the error where there was none. */
function errorTypeOf({ status, error, outcome }: EndedTry): string | undefined {
  if (status !== undefined) return status >= FIRST_ERROR ? String(status) : undefined
  if (outcome === 'success') return undefined
  const { code } = Object(error) as { code?: unknown }
  return typeof code === 'string' && CODE.test(code) ? code : OTHER
}
