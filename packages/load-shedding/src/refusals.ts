/**
 * The answers to refused requests, made once and sent often: they differ by seconds only.
 */
import { type CodedError, problemOf, type Refusal } from '@holdfast/core'
import { OverloadedError } from './errors.ts'

const MAX_WAIT = 30
/** By how much answers of one moment differ, so that clients do not return at one moment. */
const SPREAD = 1

/**
 * The seconds after which a client should come back: the smaller the share that is served, the later,
 * so that the refused return over the time the service needs for them.
 *
 * @param random a number from 0 to below 1
 */
export function retryAfter(share: number, random: number): number {
  const wait = Math.min(MAX_WAIT, Math.max(1, 1 / share))
  return Math.ceil(wait * (1 - SPREAD / 2 + random * SPREAD))
}

const keepingAlive = new Map<number, Refusal>()
const closing = new Map<number, Refusal>()

/**
 * The answer that tells a client to come back after so many seconds.
 *
 * @param closes whether the connection ends with it: the rest of the request is not read
 */
export function refusalOf(seconds: number, closes: boolean): Refusal {
  const refusals = closes ? closing : keepingAlive
  let refusal = refusals.get(seconds)
  if (refusal === undefined) {
    refusal = new OverloadRefusal(seconds, closes)
    refusals.set(seconds, refusal)
  }
  return refusal
}

class OverloadRefusal implements Refusal {
  readonly statusCode = 503
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly #seconds: number

  constructor(seconds: number, closes: boolean) {
    this.#seconds = seconds
    this.headers = {
      'retry-after': String(seconds),
      'cache-control': 'no-store',
      ...(closes && { connection: 'close' })
    }
    this.body = problemOf(this.error())
  }

  error(): CodedError {
    const error = new OverloadedError(this.#seconds)
    error.headers = { ...this.headers }
    return error
  }
}
