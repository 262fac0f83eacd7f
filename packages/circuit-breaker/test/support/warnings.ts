import type { Test } from 'tap'

/** Collects the process warnings until the test ends. */
export function warningsOf(t: Test): Error[] {
  const warnings: Error[] = []
  const collect = (warning: Error): void => {
    warnings.push(warning)
  }
  process.on('warning', collect)
  t.teardown(() => process.off('warning', collect))
  return warnings
}
