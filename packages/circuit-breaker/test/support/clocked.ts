import { CircuitBreaker, type StandaloneBreakerOptions } from '@holdfast/circuit-breaker'

export const RESET = 10_000

/** A breaker, and the clock it goes by. */
export interface Clocked {
  readonly breaker: CircuitBreaker
  pass(milliseconds: number): void
}

/** A breaker on a clock that stands until it is moved, whose open periods are as long as can be. */
export function clocked(options: StandaloneBreakerOptions = {}): Clocked {
  let now = 5
  const breaker = new CircuitBreaker({
    name: 'test',
    clock: () => now,
    random: () => 1,
    resetTimeout: RESET,
    ...options
  })
  return {
    breaker,
    pass: (milliseconds) => {
      now += milliseconds
    }
  }
}

/** So many calls that fail, as far as they are let through. */
export function fail(breaker: CircuitBreaker, times: number): void {
  for (let count = 0; count < times; count++) breaker.tryAcquire()?.failure('down')
}

/** So many calls that succeed, as far as they are let through. */
export function succeed(breaker: CircuitBreaker, times: number): void {
  for (let count = 0; count < times; count++) breaker.tryAcquire()?.success()
}
