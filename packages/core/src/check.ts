/**
 * The checks that a shape of options is made of. Each returns, or throws a coded error that names
 * the option, the value and what would be right.
 */
import { describe } from './describe.ts'
import { parseDuration } from './duration.ts'
import { InvalidOptionError } from './errors.ts'
import type { OptionCheck } from './option-shape.ts'

export { shape } from './option-shape.ts'

/** The bounds of a number or of a duration in milliseconds, both included. */
export interface Range {
  readonly min?: number | undefined
  readonly max?: number | undefined
}

/** A finite number from `min` to `max`, both included. */
export function number({ min = -Infinity, max = Infinity }: Range = {}): OptionCheck {
  return (value, option) => {
    if (typeof value !== 'number' || !Number.isFinite(value) || value < min || value > max) {
      fail(option, `a finite number${range(min, max)}`, value)
    }
  }
}

/** A whole number from `min` to `max`, both included. */
export function integer({
  min = -Infinity,
  max = Number.MAX_SAFE_INTEGER
}: Range = {}): OptionCheck {
  return (value, option) => {
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < min || value > max) {
      fail(option, `a whole number${range(min, max)}`, value)
    }
  }
}

function range(min: number, max: number): string {
  const bounds: string[] = []
  if (min !== -Infinity) bounds.push(`at least ${min}`)
  if (max !== Infinity && max !== Number.MAX_SAFE_INTEGER) bounds.push(`at most ${max}`)
  return bounds.length === 0 ? '' : ` of ${bounds.join(' and ')}`
}

/** A duration from `min` to `max` milliseconds, both included. */
export function duration({ min = 0, max = Infinity }: Range = {}): OptionCheck {
  return (value, option) => {
    // parseDuration refuses every other type itself.
    const milliseconds = parseDuration(value as number, option)
    if (milliseconds < min || milliseconds > max) {
      fail(option, `a duration${range(min, max)} ms`, value)
    }
  }
}

/** `true` or `false`. */
export const boolean: OptionCheck = (value, option) => {
  if (typeof value !== 'boolean') fail(option, 'true or false', value)
}

/** Any function. */
export const func: OptionCheck = (value, option) => {
  if (typeof value !== 'function') fail(option, 'a function', value)
}

/** Text with at least one character. */
export const text: OptionCheck = (value, option) => {
  if (typeof value !== 'string' || value === '') fail(option, 'text that is not empty', value)
}

/** Any object that is not an array. */
export const object: OptionCheck = (value, option) => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    fail(option, 'an object', value)
  }
}

/** One of the values listed. */
export function oneOf(...values: readonly (string | number | boolean)[]): OptionCheck {
  return (value, option) => {
    if (!values.some((allowed) => allowed === value)) {
      fail(option, `one of ${values.map((allowed) => JSON.stringify(allowed)).join(', ')}`, value)
    }
  }
}

/** An array whose members all pass `check`. */
export function listOf(check: OptionCheck): OptionCheck {
  return (value, option) => {
    if (!Array.isArray(value)) fail(option, 'an array', value)
    value.forEach((member, index) => {
      check(member, `${option}[${index}]`)
    })
  }
}

/**
 * Passes when one of the checks passes. `expected` describes them all for the message.
 */
export function either(expected: string, ...checks: readonly OptionCheck[]): OptionCheck {
  return (value, option) => {
    for (const check of checks) {
      try {
        check(value, option)
        return
      } catch {
        // The next alternative may still take it.
      }
    }
    fail(option, expected, value)
  }
}

function fail(option: string, expected: string, value: unknown): never {
  throw new InvalidOptionError(option, expected, describe(value))
}
