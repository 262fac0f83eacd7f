/**
 * What to do with a value that a user's function, or a store, returns at once or later.
 */
import { types } from 'node:util'
import type { MaybePromise } from '../limit-options.ts'

/** Whether a value is a promise. Reads no member of the value, which may be anybody's. */
export function isPromise<Value>(value: MaybePromise<Value>): value is Promise<Value> {
  return typeof value === 'object' && types.isPromise(value)
}

/** Calls `next` with a value: now, or when its promise resolves. */
export function whenKnown<Value, Next>(
  value: MaybePromise<Value>,
  next: (value: Value) => MaybePromise<Next>
): MaybePromise<Next> {
  return isPromise(value) ? value.then(next) : next(value)
}

/** Calls `next` with several values: now, or when the last of their promises resolves. */
export function allKnown<Value, Next>(
  values: readonly MaybePromise<Value>[],
  next: (values: readonly Value[]) => MaybePromise<Next>
): MaybePromise<Next> {
  return values.some(isPromise) ? Promise.all(values).then(next) : next(values as readonly Value[])
}
