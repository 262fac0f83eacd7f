/**
 * One try of a call, from the permit of the breaker to the last byte. Whatever carries it (undici,
 * `node:http`) tells it what happens, and it tells the breaker what that means.
 *
 * The verdict falls with the head of the answer; the end of the body only corrects it.
 */
import {
  type CallersCall,
  factsOf,
  leaveRing,
  monotonicClock,
  parseRetryAfter,
  type RingItem,
  type Timed,
  unwatchDeadline,
  watchDeadline
} from '@holdfast/core'
import { type Caller, type CallersEntry, NOBODY } from '../caller.ts'
import { tryChannel } from '../channels.ts'
import { ClientLeftError, TryTimeoutError } from '../errors.ts'
import { OutgoingFact, type UpstreamCost } from '../fact.ts'
import { isRetryable } from '../retry-rules.ts'
import {
  isOwnFault,
  outcomeOfAbort,
  outcomeOfStop,
  type StopReason,
  type TryOutcome
} from '../verdict.ts'
import type { Permit } from './breaker-seam.ts'
import {
  outOfTime,
  type Stoppable,
  type Transport,
  type TryOwner,
  type TryPlan
} from './try-plan.ts'

const SWITCHING_PROTOCOLS = 101

const triesByError = new WeakMap<object, Try>()

export class Try implements Timed, CallersCall, Stoppable {
  readonly target: TryOwner
  /** Whom it is made for, until it is over: what has carried it may keep it for long. */
  caller: Caller
  /** Whether its caller's calls may be tried again. */
  readonly mayRetry: boolean
  readonly plan: TryPlan
  /** Set by what carries it. */
  transport: Transport | undefined = undefined
  /** Whatever else is to be left when it is over. */
  link: CallersEntry | undefined = undefined
  /** Whether a connection has taken it: something of it may have reached the upstream. */
  wasSent: boolean = false
  /** The status of its answer. */
  status: number | undefined = undefined
  /** Milliseconds that its answer asks to be left alone for; 0 for none. */
  retryAfter: number = 0
  /** Why it was stopped from this side, and with which error. */
  stopped: { readonly reason: StopReason; readonly error: Error } | undefined = undefined
  readonly #permit: Permit
  readonly #begunAt: number
  readonly #entry: CallersEntry | undefined
  readonly #cost: UpstreamCost | undefined
  #queued: number | undefined
  #duration = 0
  #outcome: TryOutcome | undefined
  #isOver = false
  #hasMoved = false
  // As something with a deadline, and among those that run.
  due: number = 0
  timeout: number = 0
  position: number = -1
  previous: RingItem | undefined = undefined
  next: RingItem | undefined = undefined

  constructor(target: TryOwner, permit: Permit, caller: Caller, plan: TryPlan, now: number) {
    this.target = target
    this.caller = caller
    this.mayRetry = caller.mayRetry
    this.plan = plan
    this.#permit = permit
    this.#begunAt = now
    target.counts.tries++
    target.inFlight++
    target.add(this)
    this.#entry = caller.follow(this)
    this.#cost = costOf(target, caller, plan)
    this.#cost?.begin(now)
    // Not `now + this.time`, which may be a little less than the call's due.
    this.#watch(Math.min(now + target.rules.tryTimeout, plan.due), now)
  }

  /** Milliseconds that it may take from its beginning on; `Infinity` for no end. */
  get time(): number {
    return Math.min(this.target.rules.tryTimeout, this.plan.due - this.#begunAt)
  }

  /** Whether a good answer has begun. */
  get hasAnsweredWell(): boolean {
    return this.status !== undefined && this.#outcome === undefined
  }

  /** What it says about the upstream, as soon as that is known. */
  get outcome(): TryOutcome | undefined {
    return this.#outcome
  }

  /** Whether it has failed in a way that another one may make good. */
  get hasFailed(): boolean {
    if (this.status !== undefined) return isRetryable(this.status)
    const isOurs = this.stopped === undefined || this.stopped.reason === 'try-timeout'
    return this.#outcome === 'failure' && isOurs
  }

  /** The try that has failed with an error, where the upstream's retries are undici's. */
  static ofError(error: object): Try | undefined {
    return triesByError.get(error)
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** A connection has taken it. */
  started(): void {
    this.wasSent = true
    if (tryChannel.hasSubscribers) this.#queued = monotonicClock() - this.#begunAt
  }

  /**
   * An answer begins.
   *
   * @param retryAfter its `Retry-After`, read where the status makes it matter
   */
  head(status: number, retryAfter?: string): void {
    if (this.#isOver) return
    if (status === SWITCHING_PROTOCOLS) {
      this.#arrived(status)
      this.end()
      return
    }
    // 103 and the like: the answer is still to come.
    if (status < 200) return
    const now = this.#arrived(status)
    if (retryAfter !== undefined) this.retryAfter = parseRetryAfter(retryAfter)
    const outcome = this.target.breaker.judge({ statusCode: status })
    if (outcome === 'success') this.#answeredWell()
    else this.#judge(outcome, `status ${status}`)
    const leaseEnds = now + this.target.lease
    this.#watch(this.plan.boundsBody ? Math.min(this.plan.due, leaseEnds) : leaseEnds, now)
  }

  /** A part of the body has come. */
  chunk(): void {
    this.#hasMoved = true
  }

  /** The answer is complete. */
  end(): void {
    if (this.#isOver) return
    this.#judge('success', undefined)
    this.#leave()
  }

  /**
   * There is no answer, or no more of it.
   *
   * @param wasAborted whether the caller ended it, on its side of what carries it
   */
  fail(error: unknown, wasAborted: boolean): void {
    if (this.#isOver) return
    if (this.target.undiciRetries !== undefined && typeof error === 'object' && error !== null) {
      triesByError.set(error, this)
    }
    this.#endWith(this.#outcomeOf(error, wasAborted), error)
  }

  /** It was not made after all: something on this side is wrong. */
  exclude(error: unknown): void {
    if (!this.#isOver) this.#endWith('excluded', error)
  }

  /** Stops it. Does nothing when it is over, or when only its body is on the way, which it does not bound. */
  stop(reason: StopReason, error: Error): void {
    if (this.#isOver || this.stopped !== undefined) return
    if (this.status !== undefined && !this.plan.boundsBody) return
    this.stopped = { reason, error }
    if (this.transport === undefined) this.fail(error, false)
    else this.transport.abort(error)
  }

  callerLeft(): void {
    this.stop('caller', new ClientLeftError(this.target.name))
  }

  timedOut(): void {
    const { boundsBody, due } = this.plan
    // What it was watched for; later when the timer was late.
    const isCallOver = due <= this.due
    if (this.status === undefined || (boundsBody && isCallOver)) this.#outOfTime(isCallOver)
    else this.#endLease()
  }

  #outOfTime(isCallOver: boolean): void {
    const { target, plan, caller } = this
    if (isCallOver) {
      const reason = plan.due === caller.deadline ? 'deadline' : 'timeout'
      this.stop(reason, outOfTime(target, plan, caller))
    } else {
      const { name, rules } = target
      this.stop('try-timeout', new TryTimeoutError(name, rules.tryTimeout))
    }
  }

  /** Nothing of the body has come for a while: it is not read, or it is very long. Either way it came. */
  #endLease(): void {
    const now = monotonicClock()
    if (this.#hasMoved) {
      this.#hasMoved = false
      this.#watch(now + this.target.lease, now)
      return
    }
    this.#judge('success', undefined)
    if (!this.plan.boundsBody) this.#leave()
    else if (this.plan.due !== Infinity) this.#watch(this.plan.due, now)
  }

  #watch(due: number, now: number): void {
    if (due === this.due) return
    unwatchDeadline(this)
    if (due !== Infinity) watchDeadline(this, Math.max(0, due - now), due)
  }

  #outcomeOf(error: unknown, wasAborted: boolean): TryOutcome {
    const { stopped, hasAnsweredWell } = this
    if (stopped !== undefined) return outcomeOfStop(stopped.reason, hasAnsweredWell)
    if (wasAborted) return outcomeOfAbort(error, hasAnsweredWell)
    return isOwnFault(error) ? 'excluded' : this.target.breaker.judge({ error })
  }

  /** The wait for the answer is over. Returns the time. */
  #arrived(status: number | undefined): number {
    const now = monotonicClock()
    this.status = status
    this.target.inFlight--
    this.#duration = now - this.#begunAt
    this.#cost?.end(this.#begunAt, now)
    return now
  }

  #answeredWell(): void {
    this.#permit.answered()
    this.target.latencies.record(this.#duration)
  }

  #endWith(outcome: TryOutcome, error: unknown): void {
    if (this.status === undefined) {
      this.#arrived(undefined)
      // Without the slow ones that a hedge ended, the upstream would seem faster with each hedge.
      if (this.stopped?.reason === 'hedge' && !this.plan.isHedge) {
        this.target.latencies.record(this.#duration)
      }
    }
    this.#judge(outcome, error)
    this.#leave()
  }

  #judge(outcome: TryOutcome, error: unknown): void {
    if (this.#outcome !== undefined) return
    this.#outcome = outcome
    this.#permit.end(outcome, error, outcome === 'failure' ? this.retryAfter : 0)
    this.target.counts.outcomes[outcome]++
    if (tryChannel.hasSubscribers) this.#publish(outcome, error)
  }

  #publish(outcome: TryOutcome, error: unknown): void {
    tryChannel.publish(
      Object.freeze({
        upstream: this.target.name,
        method: this.plan.method,
        attempt: this.plan.number,
        hedge: this.plan.isHedge,
        status: this.status,
        error,
        outcome,
        queued: this.#queued,
        duration: this.#duration
      })
    )
  }

  #leave(): void {
    this.#isOver = true
    this.caller = NOBODY
    unwatchDeadline(this)
    leaveRing(this)
    this.#entry?.leave()
    this.link?.leave()
  }
}

/** What the request that a try is made for has spent on the upstream; `undefined` without a request. */
function costOf(target: TryOwner, caller: Caller, plan: TryPlan): UpstreamCost | undefined {
  if (caller.request === undefined) return undefined
  const facts = factsOf(caller.request)
  facts.outgoing ??= new OutgoingFact()
  const cost = facts.outgoing.of(target.name)
  if (plan.number === 1 && !plan.isHedge) cost.calls++
  return cost
}
