/**
 * Values that may differ by policy.
 */

/** One value for all policies, or one for each, in their order. */
export type PerPolicy<Value extends string | number> = Value | readonly Value[]

/** Whether the numbers are the same for every policy. */
export function equalPerPolicy(numbers: PerPolicy<number>, others: PerPolicy<number>): boolean {
  if (typeof numbers === 'number' && typeof others === 'number') return numbers === others
  const list = typeof numbers === 'object' ? numbers : (others as readonly number[])
  return list.every((_, index) => forPolicy(numbers, index) === forPolicy(others, index))
}

/** The value for one of the policies. */
export function forPolicy<Value extends string | number>(
  values: PerPolicy<Value>,
  index: number
): Value {
  return typeof values === 'object' ? (values[index] as Value) : values
}
