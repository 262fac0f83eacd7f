/**
 * Everything that the option file of a plugin needs: what a user may write, how it is checked, and
 * the errors that name a mistake.
 *
 * ```ts
 * import { check, checkOptions } from '@holdfast/core/options'
 *
 * checkOptions('tenants', given, { header: check.text, timeout: check.duration({ min: 1 }) })
 * ```
 *
 * @module
 */
export type { Range } from './check.ts'
export * as check from './check.ts'
export { describe } from './describe.ts'
export { type Duration, parseDuration } from './duration.ts'
export {
  type CodedError,
  type CodedErrorConstructor,
  defineError,
  InvalidOptionError,
  UnknownOptionError
} from './errors.ts'
export {
  checkOptions,
  type ForeignNames,
  type OptionCheck,
  type OptionShape
} from './option-shape.ts'
