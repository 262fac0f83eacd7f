/**
 * The durations of requests, by the attributes of `http.server.request.duration`. There are at most so
 * many series; what comes after has one together, as OpenTelemetry's SDK does it.
 */
import { Exemplars } from './exemplars.ts'
import { Histogram } from './histogram.ts'
import type { MeterAttributes } from './meter.ts'

/** The durations of the requests with the same attributes. */
export class Series {
  readonly attributes: MeterAttributes
  readonly histogram: Histogram = new Histogram()
  /** One traced request for each bucket, as far as there was any. */
  exemplars: Exemplars | undefined = undefined
  /** The attributes as text, kept by whoever writes it. */
  labels: string | undefined = undefined

  constructor(attributes: MeterAttributes) {
    this.attributes = attributes
  }

  /**
   * Counts a request that somebody traced, and keeps it as an example of its bucket.
   *
   * @param at the time, in seconds since 1970
   */
  recordTraced(seconds: number, traceId: string, at: number): void {
    this.exemplars ??= new Exemplars()
    this.exemplars.keep(this.histogram.record(seconds), traceId, seconds, at)
  }
}

/** The series of a route and a status. */
interface Entry {
  readonly method: string
  readonly errorType: string | undefined
  readonly version: string
  readonly series: Series
}

const OVERFLOW: MeterAttributes = { 'otel.metric.overflow': true }

/** The methods of HTTP. All others are one, since clients may invent them. */
const METHODS: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'TRACE',
  'CONNECT',
  'QUERY'
])

/** Finds the series of a request. Finding one that exists makes no object. */
export class DurationSeries {
  readonly #max: number
  readonly #scheme: string
  /** By route, then by status, then by the rest. */
  readonly #byRoute = new Map<string | undefined, Map<number, Entry[]>>()
  readonly #overflow = new Series(OVERFLOW)
  readonly #all: Series[] = []

  /**
   * @param max the most series, beside the one of all that are too many
   * @param scheme `'http'` or `'https'`
   */
  constructor(max: number, scheme: string) {
    this.#max = max
    this.#scheme = scheme
  }

  /**
   * Returns the series of these attributes, or the one of all that are too many.
   *
   * @param route `undefined` where no route was found
   * @param status 0 where no head went out
   * @param errorType see `errorTypeOf()`
   * @param version `'1.1'`, `'2'`
   */
  of(
    method: string,
    route: string | undefined,
    status: number,
    errorType: string | undefined,
    version: string
  ): Series {
    const known = knownMethod(method)
    const entries = this.#byRoute.get(route)?.get(status)
    if (entries !== undefined) {
      for (const entry of entries) {
        if (entry.method === known && entry.errorType === errorType && entry.version === version) {
          return entry.series
        }
      }
    }
    return this.#add(known, route, status, errorType, version)
  }

  #add(
    method: string,
    route: string | undefined,
    status: number,
    errorType: string | undefined,
    version: string
  ): Series {
    if (this.#all.length >= this.#max) return this.#overflow
    const byStatus = this.#byRoute.get(route) ?? new Map<number, Entry[]>()
    this.#byRoute.set(route, byStatus)
    const entries = byStatus.get(status) ?? []
    byStatus.set(status, entries)
    const series = new Series({
      'http.request.method': method,
      'url.scheme': this.#scheme,
      ...(route === undefined ? {} : { 'http.route': route }),
      ...(status === 0 ? {} : { 'http.response.status_code': status }),
      ...(errorType === undefined ? {} : { 'error.type': errorType }),
      'network.protocol.version': version
    })
    entries.push({ method, errorType, version, series })
    this.#all.push(series)
    return series
  }

  /** Every series, that of all that are too many included once there is something in it. */
  get all(): Series[] {
    return this.#overflow.histogram.count > 0 ? [...this.#all, this.#overflow] : this.#all
  }
}

/** The method, or `_OTHER` for one that is none of HTTP's. */
export function knownMethod(method: string): string {
  return METHODS.has(method) ? method : '_OTHER'
}
