/**
 * Compiled, never run: what users write needs no cast.
 */
import {
  CircuitBreaker,
  type CircuitBreakerRouteOptions,
  circuitBreaker,
  type OperatorSwitch,
  type Permit
} from '@holdfast/circuit-breaker'
import { subscribe } from '@holdfast/core'
import { expectTypeOf } from 'expect-type'
import Fastify from 'fastify'

const app = Fastify()
app.register(circuitBreaker)
app.register(circuitBreaker, { threshold: 3, resetTimeout: '30s', maxBreakers: 10 })
app.get('/own', { config: { circuitBreaker: true } }, () => '')
app.get('/off', { config: { circuitBreaker: false } }, () => '')
app.get('/shared', { config: { circuitBreaker: 'payments' } }, () => '')
app.get('/options', { config: { circuitBreaker: { name: 'payments', threshold: 3 } } }, () => '')

// Fastify infers the type of a route's config from what is written: only `satisfies` sees a slip.
const slip = {
  threshold: 3,
  // @ts-expect-error there is no such option
  resettimeout: '5s'
} satisfies CircuitBreakerRouteOptions
app.get('/slip', { config: { circuitBreaker: slip } }, () => '')

app.circuitBreaker('rates', {
  failureRate: 0.5,
  window: { calls: 100 },
  slowCall: { duration: '2s', rate: 0.8 },
  halfOpen: { permits: 3, successRate: 0.6, ramp: 0 },
  classify: ({ error, value, statusCode }) => {
    expectTypeOf(error).toEqualTypeOf<unknown>()
    expectTypeOf(value).toEqualTypeOf<unknown>()
    expectTypeOf(statusCode).toEqualTypeOf<number | undefined>()
    return error instanceof RangeError ? 'excluded' : undefined
  },
  mode: 'shadow'
})
expectTypeOf(app.circuitBreakers.isolate('rates')).toEqualTypeOf<OperatorSwitch>()

const breaker = app.circuitBreaker('payments', { resetTimeout: 5000 })
expectTypeOf(breaker).toEqualTypeOf<CircuitBreaker>()
expectTypeOf(app.circuitBreakers.get('payments')).toEqualTypeOf<CircuitBreaker | undefined>()
expectTypeOf(breaker.tryAcquire()).toEqualTypeOf<Permit | null>()
expectTypeOf(breaker.state).toEqualTypeOf<'closed' | 'open' | 'half-open' | 'isolated'>()

expectTypeOf(breaker.execute(() => 1)).toEqualTypeOf<Promise<number>>()
expectTypeOf(breaker.execute(async () => 'text', { timeout: '1s' })).toEqualTypeOf<
  Promise<string>
>()
expectTypeOf(breaker.execute(async () => 1, { fallback: () => null })).toEqualTypeOf<
  Promise<number | null>
>()
expectTypeOf(
  breaker.execute(() => 1, {
    maxConcurrent: 5,
    fallback: (_error, { breaker, refused }) => `${breaker} ${refused}`
  })
).toEqualTypeOf<Promise<number | string>>()
expectTypeOf(
  breaker.execute(({ signal, remaining }) => ({ signal, remaining }))
).resolves.toEqualTypeOf<{ signal: AbortSignal; remaining: number }>()

/** Literals stay literals where that is asked for. */
export async function charge(): Promise<'paid' | 'pending'> {
  const paid = async (): Promise<'paid'> => 'paid'
  const status: 'paid' | 'pending' = await new CircuitBreaker().execute(paid, {
    fallback: () => 'pending'
  })
  return status
}

subscribe('holdfast:circuit-breaker:state', ({ name, from, to, causes }) => {
  expectTypeOf(name).toEqualTypeOf<string>()
  expectTypeOf(from).toEqualTypeOf(to)
  expectTypeOf(causes).toEqualTypeOf<Readonly<Record<string, number>>>()
})
subscribe('holdfast:circuit-breaker:refused', ({ retryAfter }) => {
  expectTypeOf(retryAfter).toEqualTypeOf<number>()
})
