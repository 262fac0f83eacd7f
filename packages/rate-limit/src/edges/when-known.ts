/**
 * Going on with what a user's function answered, at once or later.
 */
import { types } from 'node:util'
import type { MaybePromise } from '../limit-options.ts'

/** Whether a value is a promise. Asks nothing of the value, which may be anybody's. */
export function isPromise<Value>(value: MaybePromise<Value>): value is Promise<Value> {
  return typeof value === 'object' && types.isPromise(value)
}

/** Hands a value on: now, or when its promise keeps it. */
export function whenKnown<Value, Next>(
  value: MaybePromise<Value>,
  next: (value: Value) => MaybePromise<Next>
): MaybePromise<Next> {
  return isPromise(value) ? value.then(next) : next(value)
}

/** Hands several values on, when the last of them is known. */
export function allKnown<Value, Next>(
  values: readonly MaybePromise<Value>[],
  next: (values: readonly Value[]) => MaybePromise<Next>
): MaybePromise<Next> {
  return values.some(isPromise) ? Promise.all(values).then(next) : next(values as readonly Value[])
}
