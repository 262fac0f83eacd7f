/**
 * A request as the caller of its calls: they share its time, its client and its trace.
 */
import {
  type AnyRequest,
  type CallersCall,
  type Ending,
  factsOf,
  leaveRing,
  onSettled,
  type RequestFacts,
  Ring,
  type RingItem,
  responseOf
} from '@holdfast/core'
import { describe, InvalidOptionError } from '@holdfast/core/options'
import type { Caller, CallersEntry } from '../caller.ts'
import { OutgoingFact } from '../fact.ts'

/** One call among those of a request. */
class RequestEntry implements RingItem, CallersEntry {
  readonly call: CallersCall
  previous: RingItem | undefined = undefined
  next: RingItem | undefined = undefined

  constructor(call: CallersCall) {
    this.call = call
  }

  leave(): void {
    leaveRing(this)
  }
}

/** It is also the fact of its request. */
export class RequestCaller extends OutgoingFact implements Caller {
  readonly request: AnyRequest
  readonly #facts: RequestFacts
  readonly #entries = new Ring<RequestEntry>()
  hasLeft: boolean = false

  constructor(request: AnyRequest, facts: RequestFacts) {
    super()
    this.request = request
    this.#facts = facts
  }

  get deadline(): number {
    return this.#facts.deadline ?? Infinity
  }

  get mayRetry(): boolean {
    return this.#facts.attempt === undefined
  }

  follow(call: CallersCall): CallersEntry {
    const entry = new RequestEntry(call)
    this.#entries.add(entry)
    return entry
  }

  /** What was answered may still go on: a job that a request has only begun. */
  settled(ending: Ending): void {
    if (ending === 'finished') return
    this.hasLeft = true
    for (const { call } of this.#entries) call.callerLeft()
    this.#entries.clear()
  }
}

/**
 * Returns the caller of the calls that are made for a request, one for all of them.
 *
 * @throws InvalidOptionError when it is no request
 */
export function callerOf(request: AnyRequest): RequestCaller {
  if (!isRequest(request)) {
    throw new InvalidOptionError(
      'for(request)',
      'a request of Fastify or of Node',
      describe(request)
    )
  }
  const facts = factsOf(request)
  const known = facts.outgoing
  if (known instanceof RequestCaller) return known
  const caller = new RequestCaller(request, facts)
  facts.outgoing = caller
  const response = responseOf('raw' in request ? request.raw : request)
  if (response !== undefined) onSettled(response, (_response, ending) => caller.settled(ending))
  return caller
}

function isRequest(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const raw = 'raw' in value ? value.raw : value
  return typeof raw === 'object' && raw !== null && 'headers' in raw
}
