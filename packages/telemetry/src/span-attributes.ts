/**
 * What the span of a request is told about it, besides what its instrumentation writes: who refused it
 * and why, and whose fault it is. Attributes, no events: what happened to a request is no moment of its
 * own, and tail samplers choose traces by attributes.
 */

/** Attributes of a span. */
export type SpanAttributes = Readonly<Record<string, string>>

/** As much of a request's facts as its span is told of. */
export interface SpanFacts {
  readonly refusedBy?: string | undefined
  readonly rateLimit?: { readonly policy: string; readonly reason: string } | undefined
  readonly circuitBreaker?: { readonly name: string; readonly state: string } | undefined
}

/**
 * Returns the attributes that the facts of a request and its `error.type` make; `undefined` when there
 * are none, as for most requests.
 *
 * @param errorType the same as in `http.server.request.duration`; `undefined` for no error
 */
export function spanAttributesOf(
  facts: SpanFacts,
  errorType: string | undefined
): SpanAttributes | undefined {
  const { refusedBy, rateLimit, circuitBreaker } = facts
  const isProbe = circuitBreaker?.state === 'half-open'
  if (refusedBy === undefined && errorType === undefined && !isProbe) return undefined
  const attributes: Record<string, string> = {}
  if (errorType !== undefined) attributes['error.type'] = errorType
  if (refusedBy !== undefined) attributes['holdfast.refused_by'] = refusedBy
  if (refusedBy === 'rate-limit' && rateLimit !== undefined) {
    attributes['holdfast.rate_limit.policy'] = rateLimit.policy
    attributes['holdfast.rate_limit.result'] = RESULTS.get(rateLimit.reason) ?? 'denied'
  }
  if (circuitBreaker !== undefined && (refusedBy === 'circuit-breaker' || isProbe)) {
    attributes['holdfast.circuit_breaker.name'] = circuitBreaker.name
    attributes['holdfast.circuit_breaker.state'] = circuitBreaker.state.replace('-', '_')
  }
  return attributes
}

/** The reasons of a limiter's decision that are not plain excess, as metrics have them. */
const RESULTS: ReadonlyMap<string, string> = new Map([
  ['banned', 'banned'],
  ['store', 'unanswered']
])
