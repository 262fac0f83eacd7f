/**
 * What the caller of a request tells of itself, and the refusal of requests that nobody waits for any
 * more.
 */
import {
  factsOf,
  guardedCall,
  monotonicClock,
  problemOf,
  type Refusal,
  refuseWith
} from '@holdfast/core'
import type { FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify'
import { expiredChannel } from '../channels.ts'
import { ATTEMPT_COUNT, parseAttempt, parseTimeout } from '../deadline-header.ts'
import type { TrustedCallers } from '../deadline-options.ts'
import { RequestExpiredError } from '../errors.ts'
import { callerOf } from './request-caller.ts'

/** Reads the time and the try of a request whose caller is trusted. */
export function readCaller(request: FastifyRequest, { read, trust }: TrustedCallers): void {
  const isTrusted =
    trust === true ||
    (trust !== false && guardedCall(trust, 'the option outgoing.deadline.trust', request) === true)
  if (!isTrusted) return
  const { headers } = request.raw
  const facts = factsOf(request)
  facts.attempt = parseAttempt(headers[ATTEMPT_COUNT])
  for (const name of read) {
    const timeout = parseTimeout(name, headers[name])
    if (timeout === undefined) continue
    facts.deadline = Math.min(facts.deadline ?? Infinity, facts.startedAt + timeout)
  }
}

const example = new RequestExpiredError()
const EXPIRED: Refusal = {
  statusCode: example.statusCode,
  headers: example.headers,
  body: problemOf(example),
  error: () => new RequestExpiredError()
}

/** Refuses a request whose time is over: work for it would be for nobody. */
export function refuseExpired(
  request: FastifyRequest,
  reply: FastifyReply,
  done: HookHandlerDoneFunction
): void {
  const facts = factsOf(request)
  const { deadline } = facts
  if (deadline === undefined) {
    done()
    return
  }
  const late = monotonicClock() - deadline
  if (late < 0) {
    done()
    return
  }
  facts.refusedBy = 'outgoing'
  callerOf(request).refusal = 'deadline'
  if (expiredChannel.hasSubscribers) expiredChannel.publish(Object.freeze({ request, late }))
  refuseWith(reply, EXPIRED, done)
}
