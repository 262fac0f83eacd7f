/**
 * Which lines are kept when only a share of them is wanted. It is decided at the end, when it is
 * known how the request went, so that what went wrong is never left out.
 */
import type { RequestOutcome } from './outcome.ts'

/** Whether a request went as usual. All others are written whatever the share. */
export function isRoutine(outcome: RequestOutcome): boolean {
  return outcome === 'ok' || outcome === 'hijacked'
}

const TWO_TO_32 = 2 ** 32

/**
 * Whether a request of this trace is among the share `rate` (0 to 1) to keep. Every service that
 * decides by OpenTelemetry's rule (the last 56 bits of the trace id, the upper part kept) agrees.
 */
export function keepsTrace(traceId: string, rate: number): boolean {
  return Number.parseInt(traceId.slice(18, 26), 16) >= (1 - rate) * TWO_TO_32
}

/** Whether a request with this id, which may be any text, is among the share `rate` to keep. */
export function keepsId(id: string, rate: number): boolean {
  return hashOf(id) >= (1 - rate) * TWO_TO_32
}

/**
 * FNV-1a over the characters, mixed at the end as in MurmurHash3: ids may differ in the last only.
 */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
