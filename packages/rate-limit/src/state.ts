/**
 * What the limiter knows of itself, as the application and other plugins read it.
 */
import type { Mode } from './limit-options.ts'

/** What was decided under one policy. */
export interface PolicyTotals {
  /** The name of the policy. */
  readonly policy: string
  /** Requests per window; `undefined` where a function says how many. */
  readonly max: number | undefined
  /** The window, in milliseconds; `undefined` where a function says how long. */
  readonly timeWindow: number | undefined
  /** Decisions that a request is within the limit. */
  readonly allowed: number
  /** Decisions that a request exceeds the limit. */
  readonly denied: number
  /** Decisions about clients that are banned. */
  readonly banned: number
  /** Decisions about clients on the allow list. */
  readonly allowListed: number
  /** Decisions by `onStoreError` `'allow'` or `'deny'`: the store did not answer, and nothing was counted. */
  readonly unanswered: number
}

/** What was decided under one limit since it was made. */
export interface LimitTotals {
  /** What the limit belongs to: `default`, `GET /orders`, a `groupId`, the prefix of a nested scope. */
  readonly limit: string
  /** With `'shadow'` requests that were denied or banned went on all the same. */
  readonly mode: Mode
  /**
   * The policies, in their order. A decision counts once, under the policy that decided: so the numbers
   * of all policies together are as many as there were decisions. A `peek()` is none.
   */
  readonly policies: readonly PolicyTotals[]
}

/** The table of the clients that this process remembers. */
export interface TableState {
  /**
   * Clients in the table now, each once for every policy and window in which it has used something.
   * Exact up to about 2,500; of more it is estimated, within a few percent of `maxKeys`.
   */
  readonly keys: number
  /** The most that the table can hold. */
  readonly maxKeys: number
  /** Clients that were forgotten while they still owed something, because the table was full. */
  readonly evictions: number
}

/** The store that the processes of a service share. Times are milliseconds. */
export interface StoreState {
  /** Whether all of the store answers; of a Redis Cluster every node that was asked. */
  readonly available: boolean
  /** The time for which that has been so: since the registration, or since it changed. */
  readonly duration: number
  /** Outages since the registration, the present one included. */
  readonly outages: number
  /** The time of all these outages together. */
  readonly outageTime: number
  /** Decisions that this process made by itself, as `onStoreError` says, because the store did not answer. */
  readonly fallbacks: number
}

/** One registration of the limiter at one moment. Totals count from the registration on. */
export interface RateLimitState {
  /**
   * The limits in the order in which they were made: the plugin's own, then those of routes, groups,
   * hooks and limiters. Routes of a group have one together; where some of them are in shadow mode, two.
   */
  readonly limits: readonly LimitTotals[]
  /** The table of clients; `undefined` only with compat and a store. */
  readonly table: TableState | undefined
  /** The store; `undefined` where there is none, and with compat. */
  readonly store: StoreState | undefined
}

declare module '@holdfast/core' {
  interface States {
    '@holdfast/rate-limit': RateLimitState
  }
}
