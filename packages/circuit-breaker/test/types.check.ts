/**
 * Compiled, never run: what users write needs no cast.
 */
import { CircuitBreaker, circuitBreaker, type Permit } from '@holdfast/circuit-breaker'
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
