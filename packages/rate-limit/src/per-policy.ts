/**
 * What may differ by policy.
 */

/** One value for all policies, or one for each, in their order. */
export type Each<Value extends string | number> = Value | readonly Value[]

/** Whether the numbers are the same for every policy. */
export function areEqual(numbers: Each<number>, others: Each<number>): boolean {
  if (typeof numbers === 'number' && typeof others === 'number') return numbers === others
  const list = typeof numbers === 'object' ? numbers : (others as readonly number[])
  return list.every((_, index) => memberOf(numbers, index) === memberOf(others, index))
}

/** The value for one of the policies. */
export function memberOf<Value extends string | number>(values: Each<Value>, index: number): Value {
  return typeof values === 'object' ? (values[index] as Value) : values
}
