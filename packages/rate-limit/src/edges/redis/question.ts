/**
 * One question to the script, and who waits for its answer.
 */
import type { Decision } from '../../decision.ts'
import type { PerPolicy } from '../../per-policy.ts'
import type { Charge, LimitSubject } from '../../store.ts'
import { hashTagOf } from './account-names.ts'
import type { RedisPolicies, RedisReservationMark, Reply } from './policies.ts'

/** What the script can do with an account. */
export type Action = 'check' | 'peek' | 'reserve' | 'settle' | 'reset' | 'ban'

/** What was decided about a reservation, and its mark in each account. */
export interface RedisReservation {
  readonly decision: Decision
  readonly marks: readonly RedisReservationMark[]
}

type Resolve<Answer> = (answer: Answer) => void
type Reject = (error: unknown) => void

/** A question about one client under some policies. */
export abstract class Question {
  readonly action: Action
  /** What stands in the braces of its keys. */
  readonly tag: string
  readonly subject: LimitSubject
  readonly policies: RedisPolicies
  /** What the script is told of the policies and the costs. */
  readonly text: string
  readonly fail: Reject

  constructor(
    action: Action,
    subject: LimitSubject,
    policies: RedisPolicies,
    text: string,
    fail: Reject
  ) {
    this.action = action
    this.tag = hashTagOf(subject.limit, subject.keys)
    this.subject = subject
    this.policies = policies
    this.text = text
    this.fail = fail
  }

  /** Reads the answer, which is the reply's next. */
  abstract answer(reply: Reply): void

  /** Whether it is no charge, and so may depend on what was asked before it. */
  get isChange(): boolean {
    return this.action === 'settle' || this.action === 'reset' || this.action === 'ban'
  }

  /** Whether the script can be told of both at once. */
  isLike(other: Question): boolean {
    return (
      this.text === other.text &&
      this.action === other.action &&
      this.subject.countDenied === other.subject.countDenied
    )
  }
}

/** Asks for a decision. */
export class DecisionQuestion extends Question {
  readonly #costs: PerPolicy<number>
  readonly #resolve: Resolve<Decision>

  constructor(
    action: 'check' | 'peek',
    charge: Charge,
    policies: RedisPolicies,
    resolve: Resolve<Decision>,
    fail: Reject
  ) {
    super(action, charge, policies, policies.textOf(charge.costs), fail)
    this.#costs = charge.costs
    this.#resolve = resolve
  }

  answer(reply: Reply): void {
    this.#resolve(this.policies.read(reply, this.#costs))
  }
}

/** Asks for a decision and the marks of what was reserved by it. */
export class ReservationQuestion extends Question {
  readonly #costs: PerPolicy<number>
  readonly #resolve: Resolve<RedisReservation>

  constructor(
    charge: Charge,
    policies: RedisPolicies,
    resolve: Resolve<RedisReservation>,
    fail: Reject
  ) {
    super('reserve', charge, policies, policies.textOf(charge.costs), fail)
    this.#costs = charge.costs
    this.#resolve = resolve
  }

  answer(reply: Reply): void {
    const [decision, marks] = this.policies.readReserved(reply, this.#costs)
    this.#resolve({ decision, marks })
  }
}

/** Asks for a change. The answer is one number for each account, and says nothing. */
export class ChangeQuestion extends Question {
  readonly #resolve: Resolve<void>

  constructor(
    action: 'settle' | 'reset' | 'ban',
    subject: LimitSubject,
    policies: RedisPolicies,
    text: string,
    resolve: Resolve<void>,
    fail: Reject
  ) {
    super(action, subject, policies, text, fail)
    this.#resolve = resolve
  }

  answer(reply: Reply): void {
    for (let index = 0; index < this.policies.length; index++) reply.next()
    this.#resolve()
  }
}
