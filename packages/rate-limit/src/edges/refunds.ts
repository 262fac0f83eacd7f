/**
 * What limits give back of a request that a later limit denies, so that it is charged to all of its
 * limits or to none.
 */
import type { FastifyRequest } from 'fastify'
import type { Decision } from '../decision.ts'
import type { MaybePromise } from '../limit-options.ts'
import type { ClientCharge } from '../store.ts'
import type { BackendReservation, LimitBackend } from './backend.ts'
import { whenKnown } from './when-known.ts'

/** Of all registrations: a request may meet the limits of several. */
const refundable = new WeakMap<FastifyRequest, BackendReservation[]>()

/** Charges as `backend.check()` does, for as long as no later limit denies the request. */
export function checkRefundably(
  request: FastifyRequest,
  backend: LimitBackend,
  charge: ClientCharge
): MaybePromise<Decision> {
  return whenKnown(backend.reserve(charge), (reservation) => {
    const { decision } = reservation
    if (!decision.allowed) return decision
    const earlier = refundable.get(request)
    if (earlier === undefined) refundable.set(request, [reservation])
    else earlier.push(reservation)
    return decision
  })
}

/** Gives back what was charged refundably for a request. */
export function refund(request: FastifyRequest): void {
  const reservations = refundable.get(request)
  if (reservations === undefined) return
  refundable.delete(request)
  // Never rejects. The answer to the client does not wait for it.
  for (const reservation of reservations) reservation.settle(0)
}
