/**
 * The time that a call has left, as headers tell it: a number of milliseconds from now on, so that the
 * clocks of two hosts need not agree.
 */

/** The header of Envoy and of the meshes that are made of it, which others understand too. */
export const ENVOY_TIMEOUT = 'x-envoy-expected-rq-timeout-ms'
/** https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md: up to eight digits and a unit. */
const GRPC_TIMEOUT = 'grpc-timeout'
/** https://connectrpc.com/docs/protocol: whole milliseconds. */
const CONNECT_TIMEOUT = 'connect-timeout-ms'

/** The headers that callers may tell their time in, in lower case. */
export const KNOWN_TIMEOUTS: readonly string[] = [ENVOY_TIMEOUT, GRPC_TIMEOUT, CONNECT_TIMEOUT]

/** One day: nobody waits longer, and a mistake of a unit shows. */
const MAX_TIMEOUT = 86_400_000
/** Milliseconds that a message may be under way to the next service. */
const FOR_THE_WAY = 5

const DIGITS = /^\d{1,10}$/
const DIGITS_AND_UNIT = /^(\d{1,8})([HMSmun])$/
const MILLISECONDS_OF_UNIT: ReadonlyMap<string, number> = new Map([
  ['H', 3_600_000],
  ['M', 60_000],
  ['S', 1000],
  ['m', 1],
  ['u', 1e-3],
  ['n', 1e-6]
])

/**
 * Returns the milliseconds that a header leaves: a whole number from 1 to 86,400,000, where a part of a
 * millisecond counts as a whole one. `undefined` for everything else: no header, several of that name,
 * zero, a sign, a fraction, more than a day.
 *
 * @param name in lower case; all except `grpc-timeout` hold whole milliseconds
 */
export function parseTimeout(name: string, header: unknown): number | undefined {
  if (typeof header !== 'string') return undefined
  const milliseconds =
    name === GRPC_TIMEOUT ? millisecondsOf(header) : DIGITS.test(header) ? Number(header) : 0
  return milliseconds >= 1 && milliseconds <= MAX_TIMEOUT ? milliseconds : undefined
}

function millisecondsOf(header: string): number {
  const [, digits, unit] = DIGITS_AND_UNIT.exec(header) ?? []
  if (digits === undefined || unit === undefined) return 0
  // By way of nanoseconds: 1000 * 1e-3 is more than 1.
  const nanoseconds = Number(digits) * Math.round((MILLISECONDS_OF_UNIT.get(unit) as number) * 1e6)
  return Math.ceil(nanoseconds / 1e6)
}

/**
 * Returns the header for a call that has so many milliseconds left: 5 less, for the way, and at least
 * 1. `undefined` when nothing is left, or there is no end.
 *
 * @param name in lower case
 */
export function formatTimeout(name: string, left: number): string | undefined {
  if (left <= 0 || left === Infinity) return undefined
  const milliseconds = Math.min(Math.max(Math.round(left) - FOR_THE_WAY, 1), MAX_TIMEOUT)
  return name === GRPC_TIMEOUT ? `${milliseconds}m` : String(milliseconds)
}

/**
 * Returns what a call sends that has a header of that name already: the shorter of both times, and the
 * header as it is where it cannot be read.
 *
 * @param name in lower case
 * @param given the header that the caller's code has set
 * @param left the milliseconds that the call has left
 */
export function shorterTimeout(name: string, given: string, left: number): string {
  const ours = formatTimeout(name, left)
  if (ours === undefined) return given
  const theirs = parseTimeout(name, given)
  return theirs !== undefined && theirs > (parseTimeout(name, ours) as number) ? ours : given
}

/** Counts the tries of a caller, beginning with 1. */
export const ATTEMPT_COUNT = 'x-envoy-attempt-count'

const ATTEMPT = /^[1-9]\d{0,5}$/

/**
 * Returns which try of its caller a request is. `undefined` for the first one, no header, and what is
 * no such number.
 */
export function parseAttempt(header: unknown): number | undefined {
  if (typeof header !== 'string' || !ATTEMPT.test(header)) return undefined
  const attempt = Number(header)
  return attempt > 1 ? attempt : undefined
}
