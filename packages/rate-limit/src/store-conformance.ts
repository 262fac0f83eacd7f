/**
 * The contract of a store as checks for any test runner:
 *
 * ```js
 * for (const { name, run } of storeConformance(() => new MyStore())) test(name, run)
 * ```
 *
 * @module
 */
import { CLIENTS } from './conformance/clients.ts'
import { DECISIONS } from './conformance/decisions.ts'
import { RESERVATIONS } from './conformance/reservations.ts'
import { Subject } from './conformance/subject.ts'
import type { Store } from './store.ts'

/** One thing that a store must do. */
export interface StoreCheck {
  /** The thing, as a sentence without its subject, which is the store. */
  readonly name: string
  /** Resolves if the store does it, else rejects with an AssertionError. */
  run(): Promise<void>
}

/**
 * The checks. They take a few seconds in all, and leave keys that expire within two hours.
 *
 * @param open returns the store, or a promise of it; called once for each check
 */
export function storeConformance(open: () => Store | Promise<Store>): readonly StoreCheck[] {
  return [...DECISIONS, ...RESERVATIONS, ...CLIENTS].map(([name, check]) => ({
    name,
    run: async () => check(new Subject(await open()))
  }))
}
