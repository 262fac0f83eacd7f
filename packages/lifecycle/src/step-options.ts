import {
  check,
  checkOptions,
  type Duration,
  describe,
  InvalidOptionError,
  parseDuration
} from '@holdfast/core/options'
import type { Step, StepFunction, Steps } from './steps.ts'
import { MAX_DURATION } from './timeouts.ts'

/** When a step of the shutdown runs, and how long it may take. */
export interface StepOptions {
  /** The name of the step, or the names of the steps, that come before it. They may be added later. */
  after?: string | readonly string[] | undefined
  /**
   * The longest it may take.
   * @default an equal share of what is left of `closeTimeout`
   */
  timeout?: Duration | undefined
}

const SHAPE = {
  after: check.either(
    'the name of a step, or an array of such',
    check.text,
    check.listOf(check.text)
  ),
  timeout: check.duration({ min: 1, max: MAX_DURATION })
}

/**
 * Checks what `onShutdown()` was given.
 * @throws UnknownOptionError, InvalidOptionError
 */
export function stepOf(
  name: string,
  run: StepFunction,
  options: StepOptions,
  { names, complete }: Steps
): Step {
  check.text(name, 'onShutdown(name)')
  const option = `onShutdown("${name}")`
  if (names.includes(name)) {
    throw new InvalidOptionError(
      'onShutdown(name)',
      'a name that no other step has',
      describe(name)
    )
  }
  check.func(run, `${option} function`)
  checkOptions(option, options, SHAPE)
  const { timeout } = options
  const after = typeof options.after === 'string' ? [options.after] : [...(options.after ?? [])]
  const unknown = after.find((other) => complete && !names.includes(other))
  if (unknown !== undefined) throw unknownStep(name, unknown, names)
  return {
    name,
    run,
    after,
    timeout: timeout === undefined ? undefined : parseDuration(timeout, `${option}.timeout`)
  }
}

/**
 * Checks how the steps follow each other, at the end of the boot, when all of them are known.
 *
 * @throws InvalidOptionError
 */
export function checkOrder(steps: Steps): void {
  const missing = steps.missing()
  if (missing !== undefined) throw unknownStep(missing.step, missing.after, steps.names)
  const circle = steps.circle()
  if (circle.length > 0) {
    throw new InvalidOptionError(
      'onShutdown(...).after',
      'an order that has a beginning',
      `a circle: ${circle.join(', ')}`
    )
  }
  steps.complete = true
}

function unknownStep(step: string, after: string, names: readonly string[]): Error {
  return new InvalidOptionError(
    `onShutdown("${step}").after`,
    `the name of another step (there are: ${names.join(', ') || 'none yet'})`,
    describe(after)
  )
}

/** The warning for steps that ask for more time than `closeTimeout` gives; `undefined` if they fit. */
export function stepsOverrun(steps: Steps, closeTimeout: number): string | undefined {
  const { demanded } = steps
  if (demanded < closeTimeout) return undefined
  return `the steps of the shutdown may take ${demanded} ms together, which leaves nothing of the closeTimeout of ${closeTimeout} ms for app.close(). Shorten them, or raise closeTimeout.`
}
