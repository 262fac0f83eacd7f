/**
 * The contract of a store: the place where several processes count the requests of their common
 * clients. `@holdfast/rate-limit/store-conformance` tells whether a store keeps it.
 */
import type { Decision } from './decision.ts'
import type { PerPolicy } from './per-policy.ts'
import type { Policies } from './policy.ts'

/** The client and the limit that a store is asked about. */
export interface LimitSubject {
  /**
   * The name of the limit: the same in every process of a service. 1 to 100 printable ASCII
   * characters without spaces and braces.
   */
  readonly limit: string
  /**
   * The client's key: any text, also an empty one. Where the policies tell clients differently it is
   * a list, with a key for each of them; of one limit it always is, or never.
   */
  readonly keys: PerPolicy<string>
  /**
   * The policies of the limit, which all apply. Under one name of a limit there are always as many,
   * of the same names and algorithms. Their numbers may differ by client and from charge to charge:
   * what a client took is kept for each `timeWindow` by itself, and `max` and `burst` share it. There
   * are at most 16 windows of each policy. To ask under smaller numbers never lowers what was taken.
   */
  readonly policies: Policies
  /**
   * Whether a denied request takes its cost too, as far as there is anything to take. The same for
   * all charges of a limit.
   */
  readonly countDenied: boolean
}

/** What is to be charged to a client under the policies of a limit. */
export interface ClientCharge extends Pick<LimitSubject, 'keys' | 'policies'> {
  /** Whole numbers of at least 0: one for all policies, or one for each. */
  readonly costs: PerPolicy<number>
}

/** The same with the limit that a store keeps. */
export interface Charge extends LimitSubject, ClientCharge {}

/** A charge that is still to be settled. */
export interface StoreReservation {
  /** The decision that {@link Store.check} would have made. Where it denies, nothing was charged. */
  readonly decision: Decision
  /**
   * Charges `actual` in place of what was charged: of the rest gives back what has not come back by
   * itself, and takes what is missing as far as there is anything left. Only the first call counts.
   */
  settle(actual: PerPolicy<number>): Promise<void>
}

/**
 * Counts for several processes. Every method rejects when the store cannot be asked; whether
 * anything was charged is not known then.
 */
export interface Store {
  /**
   * Charges `costs` under all policies, or, when one of them denies it, under none. Charges of one
   * account are decided one after the other, whichever process they come from.
   */
  check(charge: Charge): Promise<Decision>
  /** The decision that {@link check} would make. Charges nothing. */
  peek(charge: Charge): Promise<Decision>
  /** Charges like {@link check}, to be settled later. */
  reserve(charge: Charge): Promise<StoreReservation>
  /**
   * Forgets everything about the client in every window, a ban included; what was reserved gives
   * nothing back.
   */
  reset(subject: LimitSubject): Promise<void>
  /** Denies everything to the client, in every window, for so many milliseconds; 0 ends that. */
  ban(subject: LimitSubject, duration: number): Promise<void>
  /**
   * Makes sure that the store can be used. Called at boot, if the store is ready by then; the boot
   * stops when it rejects, and does not wait for long. A store that fails just now should resolve.
   */
  open?(): Promise<void>
  /** A sentence for whoever runs the service, logged once, at boot. */
  readonly advice?: string | undefined
  /**
   * Calls the listener with what whoever runs the service should know later on, as a sentence for
   * the log, until the returned function is called.
   */
  onWarning?(listener: (message: string) => void): () => void
  /** Whether a question could be answered now. A store without this is always ready. */
  readonly isReady?: boolean
  /** Calls the listener whenever the store becomes ready, until the returned function is called. */
  onReady?(listener: () => void): () => void
  /** The name of the part of the store that keeps the account, where parts can fail one by one. */
  partOf?(subject: LimitSubject): string
}
