import type { CircuitBreakerOptions } from '@holdfast/circuit-breaker'
import { check, checkOptions } from '@holdfast/core/options'
import type { LifecycleOptions } from '@holdfast/lifecycle'
import type { LoadSheddingOptions } from '@holdfast/load-shedding'
import type { OutgoingOptions } from '@holdfast/outgoing'
import type { RateLimitOptions } from '@holdfast/rate-limit'
import type { RequestLoggingOptions } from '@holdfast/request-logging'
import type { TelemetryOptions } from '@holdfast/telemetry'

/** Options for the parts of the suite. `false` leaves a part out. */
export interface HoldfastOptions {
  /** Start, health, drain and stop. @default {} */
  readonly lifecycle?: LifecycleOptions | false | undefined
  /** One line for every request. @default {} */
  readonly requestLogging?: RequestLoggingOptions | false | undefined
  /** What is refused when the process cannot finish all in time. @default { mode: 'shadow' } */
  readonly loadShedding?: LoadSheddingOptions | false | undefined
  /** How much each client may ask. @default {} */
  readonly rateLimit?: RateLimitOptions | false | undefined
  /** Route breakers and `app.circuitBreaker()`. @default {} */
  readonly circuitBreaker?: CircuitBreakerOptions | false | undefined
  /** `app.upstream()`: calls to others, with their breakers, deadlines and retries. @default false */
  readonly outgoing?: OutgoingOptions | false | undefined
  /** Metrics and span attributes: `{}` answers at `/metrics` of the app. @default false */
  readonly telemetry?: TelemetryOptions | false | undefined
}

const part = check.either('an object of options, or false', check.object, check.oneOf(false))

/** @throws UnknownOptionError, InvalidOptionError; the parts check what is inside their options */
export function checkHoldfastOptions(given: HoldfastOptions): void {
  checkOptions('holdfast', given, {
    lifecycle: part,
    requestLogging: part,
    loadShedding: part,
    rateLimit: part,
    circuitBreaker: part,
    outgoing: part,
    telemetry: part
  })
}
