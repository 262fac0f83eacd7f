/**
 * The circuit breaker of an upstream, taken by its shape from the app: this package imports no other
 * plugin.
 */
import { NoBreakersError } from '../errors.ts'
import { outcomeOfStatus, type TryOutcome } from '../verdict.ts'

/** The right to make one try. */
export interface Permit {
  end(outcome: TryOutcome, cause?: unknown, retryAfter?: number): void
  answered(): void
}

/** As much of a circuit breaker as is used. */
export interface Breaker {
  readonly state: string
  /** Milliseconds until a try may be let through; 0 when one may be now. */
  readonly retryAfter: number
  tryAcquire(answered?: () => boolean): Permit | null
  refusal(): Error
  judge(result: { readonly error: unknown } | { readonly statusCode: number }): TryOutcome
}

const NO_PERMIT: Permit = { end: () => {}, answered: () => {} }

/** Takes the place of a breaker where there is none: it lets everything through. */
const NO_BREAKER: Breaker = {
  state: 'closed',
  retryAfter: 0,
  tryAcquire: () => NO_PERMIT,
  /* c8 ignore next 3: what refuses nothing is never asked why */
  refusal() {
    return new Error()
  },
  judge: (result) => ('statusCode' in result ? outcomeOfStatus(result.statusCode) : 'failure')
}

/** An app with `@holdfast/circuit-breaker`. */
interface WithBreakers {
  readonly circuitBreaker?: (name: string, options?: object) => Breaker
}

/**
 * Returns the breaker of an upstream: the app's one of that name.
 *
 * @param wanted the option `breaker`
 * @throws NoBreakersError when the app has no breakers
 */
export function breakerOf(app: object, name: string, wanted: boolean | object): Breaker {
  if (wanted === false) return NO_BREAKER
  const { circuitBreaker } = app as WithBreakers
  if (circuitBreaker === undefined) throw new NoBreakersError(name)
  return wanted === true ? circuitBreaker(name) : circuitBreaker(name, wanted)
}
