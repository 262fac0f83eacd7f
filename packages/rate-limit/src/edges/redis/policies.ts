/**
 * Policies as the script knows them: numbers in whole microseconds, and the decisions in its reply.
 */
import type { Account } from '../../algorithms/algorithm.ts'
import { banned, combineDecisions, type Decision, decisionOf } from '../../decision.ts'
import { forPolicy, type PerPolicy } from '../../per-policy.ts'
import type { Policies, Policy } from '../../policy.ts'
import { AccountNames, LETTERS } from './account-names.ts'

/** In a millisecond. */
const MICROSECONDS = 1000

/** In nanoseconds. */
const MICROSECOND = 1000

/** The mark of a reservation in one account: `expires` and `moved` just after the charge. */
export type RedisReservationMark = readonly [expires: number, moved: number]

/** Some policies as the script knows them. */
export class RedisPolicies {
  /** What the accounts under them are called. */
  readonly names: AccountNames
  readonly #microseconds: readonly Policy[]
  /** What the script is told of each policy. */
  readonly #texts: readonly string[]
  /** The cost under all policies that it was told of last. */
  #lastCost = Number.NaN
  #lastText = ''

  constructor(policies: Policies) {
    this.names = new AccountNames(policies)
    this.#microseconds = policies.map((policy) => {
      return { ...policy, algorithm: policy.algorithm.inUnits(MICROSECOND) }
    })
    this.#texts = this.#microseconds.map((policy) => {
      const { name, capacity, span } = policy.algorithm
      return `${LETTERS[name]} ${capacity} ${span} ${scaleOf(policy)}`
    })
  }

  /** The number of policies. */
  get length(): number {
    return this.#texts.length
  }

  /** What the script is told of the policies and of costs under them. */
  textOf(costs: PerPolicy<number>): string {
    if (typeof costs === 'object') return this.#join((index) => `${forPolicy(costs, index)}`)
    if (costs !== this.#lastCost) {
      this.#lastText = this.#join(() => `${costs}`)
      this.#lastCost = costs
    }
    return this.#lastText
  }

  /** What it is told of costs that turned out to be different. */
  settledText(
    costs: PerPolicy<number>,
    actual: PerPolicy<number>,
    marks: readonly RedisReservationMark[]
  ): string {
    return this.#join((index) => {
      const [expires, moved] = marks[index] as RedisReservationMark
      return `${forPolicy(costs, index)} ${forPolicy(actual, index)} ${expires} ${moved}`
    })
  }

  /** Reads a decision out of the script's reply. */
  read(reply: Reply, costs: PerPolicy<number>): Decision {
    const ban = reply.ban()
    const policies = this.#microseconds
    if (ban !== undefined) return banned(policies[0] as Policy, ban / MICROSECONDS)
    if (policies.length === 1) return readOne(policies[0] as Policy, reply, forPolicy(costs, 0))
    return combineDecisions(
      policies.map((policy, index) => readOne(policy, reply, forPolicy(costs, index)))
    )
  }

  /** Reads a decision, and the marks of what was reserved by it. */
  readReserved(reply: Reply, costs: PerPolicy<number>): [Decision, RedisReservationMark[]] {
    const ban = reply.ban()
    const policies = this.#microseconds
    if (ban !== undefined) return [banned(policies[0] as Policy, ban / MICROSECONDS), []]
    const marks: RedisReservationMark[] = []
    const decisions = policies.map((policy, index) => {
      const decision = readOne(policy, reply, forPolicy(costs, index))
      marks.push([reply.next(), reply.next()])
      return decision
    })
    return [
      decisions.length === 1 ? (decisions[0] as Decision) : combineDecisions(decisions),
      marks
    ]
  }

  #join(told: (index: number) => string): string {
    return this.#texts.map((text, index) => `${text} ${told(index)}`).join(' ')
  }
}

/** The window, and where a bucket's account may last longer that too. */
function scaleOf({ timeWindow, algorithm }: Policy): string {
  const window = Math.ceil(timeWindow * MICROSECONDS)
  const lasts = algorithm.name === 'token-bucket' && algorithm.lifetime > window
  return lasts ? `${window}/${algorithm.lifetime}` : `${window}`
}

/** The decision of one policy, which may allow what another denies: the script then replies `denied` of both. */
function readOne(policy: Policy, reply: Reply, cost: number): Decision {
  const { algorithm } = policy
  const first = reply.next()
  const isDenied = first < 0
  const account: Account = {
    expiresAt: isDenied ? -1 - first : first,
    used: algorithm.counts ? reply.next() : 0,
    previous: algorithm.counts ? reply.next() : 0
  }
  const wait = isDenied ? algorithm.wait(account, cost, 0) : 0
  return decisionOf(policy, account, wait, 0, MICROSECONDS)
}

class NoReplyError extends Error {
  constructor() {
    super('the client did not hand out what the script replied')
  }
}

/** The script's reply, read from its beginning to its end. */
export class Reply {
  readonly #numbers: readonly unknown[]
  #position = 0

  /** @throws Error when the client hands out something else than a list */
  constructor(numbers: unknown) {
    if (!Array.isArray(numbers)) throw new NoReplyError()
    this.#numbers = numbers
  }

  /**
   * The next number; clients may be set to hand them out as text.
   *
   * @throws Error when there is none
   */
  next(): number {
    const number = Number(this.#numbers[this.#position++])
    if (Number.isNaN(number)) throw new NoReplyError()
    return number
  }

  /** The key that could not be read, behind all answers; `undefined` where there was none. */
  get unreadable(): string | undefined {
    const last = this.#numbers[this.#position]
    return last === undefined ? undefined : String(last)
  }

  /** Microseconds until a ban ends, where that is the next answer. */
  ban(): number | undefined {
    const next = this.#numbers[this.#position]
    if (typeof next === 'number' || String(next) !== 'banned') return undefined
    this.#position++
    return this.next()
  }
}
