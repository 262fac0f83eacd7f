/**
 * The durations of requests, by the attributes of `http.server.request.duration`. There are at most so
 * many series; what comes after has one together, as OpenTelemetry's SDK does it.
 */
import { Histogram } from './histogram.ts'
import type { MeterAttributes } from './meter.ts'

/** The durations of the requests with the same attributes. */
export class Series {
  readonly attributes: MeterAttributes
  readonly histogram: Histogram = new Histogram()

  constructor(attributes: MeterAttributes) {
    this.attributes = attributes
  }
}

/** What durations are told apart by. */
export interface RequestAttributes {
  readonly method: string
  readonly scheme: string
  /** `undefined` where no route was found. */
  readonly route: string | undefined
  /** 0 where no head went out. */
  readonly status: number
  readonly errorType: string | undefined
  /** `'1.1'`, `'2'`. */
  readonly version: string
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

/** Finds the series of a request. */
export class DurationSeries {
  readonly #max: number
  /** By route, then by the rest. */
  readonly #byRoute = new Map<string | undefined, Map<string, Series>>()
  readonly #overflow = new Series(OVERFLOW)
  #size = 0

  constructor(max: number) {
    this.#max = max
  }

  /** Returns the series of these attributes, or the one of all that are too many. */
  of(request: RequestAttributes): Series {
    const { route, status, errorType, version } = request
    const method = METHODS.has(request.method) ? request.method : '_OTHER'
    let ofRoute = this.#byRoute.get(route)
    const key = `${method} ${status} ${errorType} ${version}`
    let series = ofRoute?.get(key)
    if (series !== undefined) return series
    if (this.#size >= this.#max) return this.#overflow
    if (ofRoute === undefined) {
      ofRoute = new Map()
      this.#byRoute.set(route, ofRoute)
    }
    series = new Series(attributesOf({ ...request, method }))
    ofRoute.set(key, series)
    this.#size++
    return series
  }

  /** Every series, that of all that are too many included once there is something in it. */
  get all(): Series[] {
    const all = [...this.#byRoute.values()].flatMap((ofRoute) => [...ofRoute.values()])
    return this.#overflow.histogram.count > 0 ? [...all, this.#overflow] : all
  }
}

function attributesOf(request: RequestAttributes): MeterAttributes {
  const { method, scheme, route, status, errorType, version } = request
  return {
    'http.request.method': method,
    'url.scheme': scheme,
    ...(route === undefined ? {} : { 'http.route': route }),
    ...(status === 0 ? {} : { 'http.response.status_code': status }),
    ...(errorType === undefined ? {} : { 'error.type': errorType }),
    'network.protocol.version': version
  }
}
