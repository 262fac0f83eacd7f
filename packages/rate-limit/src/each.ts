/**
 * What may differ by policy.
 */

/** One value for all policies, or one for each, in their order. */
export type Each<Value extends string | number> = Value | readonly Value[]

/** The value for one of the policies. */
export function memberOf<Value extends string | number>(values: Each<Value>, index: number): Value {
  return typeof values === 'object' ? (values[index] as Value) : values
}
