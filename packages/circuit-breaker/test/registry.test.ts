/**
 * Breakers by name. Covers `registry.ts` and `rules.ts`.
 */
import type { BreakerOptions } from '@holdfast/circuit-breaker'
import t from 'tap'
import { resolveCircuitBreakerOptions } from '../dist/options.js'
import { BreakerRegistry } from '../dist/registry.js'

function registry(
  options: { maxBreakers?: number; overflowed?: () => void } = {}
): BreakerRegistry {
  const { maxBreakers = 1000, overflowed = () => {} } = options
  return new BreakerRegistry(
    resolveCircuitBreakerOptions({ threshold: 1, maxBreakers, clock: () => 0 }),
    overflowed
  )
}

t.test('one name is one breaker', async (t) => {
  const breakers = registry()
  const payments = breakers.open('payments')
  t.equal(breakers.open('payments'), payments)
  t.equal(breakers.get('payments'), payments)
  t.equal(breakers.get('stock'), undefined)
  t.equal(payments.name, 'payments')
  breakers.open('stock')
  t.match(breakers.snapshots(), [{ name: 'payments' }, { name: 'stock' }])
})

t.test('other options for the same name are an error, the same ones are not', async (t) => {
  const breakers = registry()
  const payments = breakers.open('payments', { threshold: 3 })
  t.equal(breakers.open('payments', { threshold: 3, resetTimeout: '10s' }), payments)
  t.equal(breakers.open('payments'), payments)
  const others: [BreakerOptions, RegExp][] = [
    [{}, /"payments" exists with other options \(threshold: 3\)/],
    [{ threshold: 4 }, /\(threshold: 3\)/],
    [{ threshold: 3, resetTimeout: '9s' }, /\(resetTimeout: 10000\)/],
    [{ threshold: 3, classify: () => undefined }, /\(classify: undefined\)/],
    [{ threshold: 3, window: { calls: 50 } }, /\(window: {"duration":10000}\)/]
  ]
  for (const [options, message] of others) {
    t.throws(() => breakers.open('payments', options), {
      code: 'HOLDFAST_ERR_CIRCUIT_BREAKER_CONFLICT',
      message
    })
    t.throws(() => breakers.pin('payments', options))
  }
})

t.test('wrong names and options are named', async (t) => {
  const breakers = registry()
  const open = breakers.open.bind(breakers) as (name: unknown, options?: unknown) => unknown
  t.throws(() => open(''), { message: /name of app.circuitBreaker\(name\).*text/ })
  t.throws(() => open(undefined), { code: 'HOLDFAST_ERR_OPTION_INVALID' })
  t.throws(() => open('a', { threshold: -1 }), { message: /app.circuitBreaker\("a"\).threshold/ })
  t.throws(() => open('__overflow__'), { message: /another text.*the text "__overflow__"/ })
  t.throws(() => open('a', { name: 'b' }), { code: 'HOLDFAST_ERR_OPTION_UNKNOWN' })
  t.strictSame(breakers.snapshots(), [])
})

t.test('10,000 names take the room of maxBreakers', async (t) => {
  const breakers = registry()
  for (let count = 0; count < 10_000; count++)
    breakers.open(`tenant ${count}`).tryAcquire()?.success()
  t.equal(breakers.snapshots().length, 1000)
  t.equal(breakers.state.dropped, 9000)
})

t.test('the closed and idle one that was unused the longest is dropped', async (t) => {
  const breakers = registry({ maxBreakers: 4 })
  const route = breakers.pin('route')
  const first = breakers.open('first')
  breakers.open('second')
  breakers.open('third')
  breakers.open('first')
  breakers.open('fourth')
  t.equal(breakers.get('second'), undefined)
  t.equal(breakers.get('first'), first)
  t.equal(breakers.get('route'), route, 'a route holds on to its breaker')
  t.ok(breakers.hasMade(first))
  t.match(breakers.state, { maxBreakers: 4, dropped: 1 })
  t.strictSame(breakers.state.breakers, breakers.snapshots())
})

t.test('a breaker that was opened by name and then by a route is held, too', async (t) => {
  const breakers = registry({ maxBreakers: 1 })
  const shared = breakers.open('shared')
  t.equal(breakers.pin('shared'), shared)
  breakers.open('other')
  t.equal(breakers.get('shared'), shared)
})

t.test('open, half-open and busy ones stay, and further names share one', async (t) => {
  let overflows = 0
  const breakers = registry({
    maxBreakers: 2,
    overflowed: () => {
      overflows++
    }
  })
  breakers.open('broken').tryAcquire()?.failure()
  const permit = breakers.open('busy').tryAcquire()
  const shared = breakers.open('one too many')
  t.equal(shared.name, '__overflow__')
  t.equal(breakers.get('__overflow__'), shared)
  t.equal(breakers.open('another'), shared)
  t.ok(breakers.hasMade(shared))
  t.equal(overflows, 1)
  t.match(breakers.snapshots(), [
    { name: 'broken', state: 'open' },
    { name: 'busy', inFlight: 1 },
    { name: '__overflow__' }
  ])
  permit?.success()
  t.equal(breakers.open('another').name, 'another', 'there is room again')
  t.equal(breakers.get('busy'), undefined)
})

t.test('isolates by name, and says when there is none such', async (t) => {
  const breakers = registry({ maxBreakers: 1 })
  const payments = breakers.open('payments')
  const isolated = breakers.isolate('payments')
  t.equal(payments.state, 'isolated')
  t.equal(breakers.open('stock').name, '__overflow__', 'an isolated one makes no room')
  isolated.release()
  t.equal(payments.state, 'closed')
  t.throws(() => breakers.isolate('payment'), {
    code: 'HOLDFAST_ERR_CIRCUIT_BREAKER_UNKNOWN',
    statusCode: 404,
    message: /no circuit breaker "payment"/
  })
})

t.test('names with control characters are told apart, and are shown without them', async (t) => {
  const breakers = registry()
  const one = breakers.open('a\nb')
  t.not(breakers.open('a\rb'), one)
  t.equal(breakers.get('a\nb'), one)
  t.equal(one.name, 'a\ufffdb')
  for (const wrong of [
    () => breakers.isolate('a\u2028b'),
    () => breakers.open('a\u2028b', { threshold: -1 })
  ]) {
    t.throws(wrong, { message: /"a\ufffdb"/ })
  }
})
