/**
 * The options a plugin knows, each with its check. What a user wrote is compared with them name by
 * name, and the first mistake stops the boot.
 */
import { closestName } from './closest-name.ts'
import { describe } from './describe.ts'
import { InvalidOptionError, UnknownOptionError } from './errors.ts'

/** Throws an {@link InvalidOptionError} when `value` cannot be used for `option`. */
export type OptionCheck = (value: unknown, option: string) => void

/** The options a plugin knows, each with its check. */
export type OptionShape = Readonly<Record<string, OptionCheck>>

/**
 * Names that other packages have for what a plugin does, each with the remedy: a sentence that says
 * what to write instead.
 */
export type ForeignNames = Readonly<Record<string, string>>

const NONE: ReadonlySet<string> = new Set()
const HANDED_ALONG_BY_FASTIFY: ReadonlySet<string> = new Set([
  'prefix',
  'logLevel',
  'logSerializers'
])

/**
 * Refuses unknown names and impossible values. `undefined` always means "not given", and the names
 * that Fastify hands along with every plugin's own (`prefix`, `logLevel`, `logSerializers`) pass.
 *
 * @param name where the options belong, as the message names it: `'rateLimit'`
 * @param foreign names of other packages that a user may bring along
 * @throws UnknownOptionError, InvalidOptionError
 */
export function checkOptions(
  name: string,
  given: unknown,
  shape: OptionShape,
  foreign: ForeignNames = {}
): void {
  checkMembers(name, given, shape, foreign, HANDED_ALONG_BY_FASTIFY)
}

/** The check of an object with options of its own. */
export function shape(shape: OptionShape, foreign: ForeignNames = {}): OptionCheck {
  return (value, option) => checkMembers(option, value, shape, foreign, NONE)
}

function checkMembers(
  name: string,
  given: unknown,
  shape: OptionShape,
  foreign: ForeignNames,
  ignored: ReadonlySet<string>
): void {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new InvalidOptionError(name, 'an object of options', describe(given))
  }
  for (const [option, value] of Object.entries(given)) {
    const check = Object.hasOwn(shape, option) ? shape[option] : undefined
    if (check !== undefined) {
      if (value !== undefined) check(value, `${name}.${option}`)
    } else if (!ignored.has(option)) {
      throw new UnknownOptionError(name, option, remedyFor(option, shape, foreign))
    }
  }
}

function remedyFor(option: string, shape: OptionShape, foreign: ForeignNames): string {
  if (Object.hasOwn(foreign, option)) return String(foreign[option])
  const names = Object.keys(shape)
  const closest = closestName(option, names)
  const all = `one of: ${names.join(', ')}.`
  return closest === undefined
    ? `Remove it, or use ${all}`
    : `Did you mean "${closest}"? If not, use ${all}`
}
