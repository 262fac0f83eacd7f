import { CircuitBreaker } from '@holdfast/circuit-breaker'
import t from 'tap'
import { warningsOf } from '../support/warnings.ts'

const CALLS = 50
const reason = new Error('the caller left')

t.test('calls with one signal share one listener on it', async (t) => {
  const warnings = warningsOf(t)
  const controller = new AbortController()
  const { signal } = controller
  let added = 0
  let removed = 0
  const { addEventListener, removeEventListener } = signal
  signal.addEventListener = (...given: Parameters<typeof addEventListener>) => {
    added++
    addEventListener.apply(signal, given)
  }
  signal.removeEventListener = (...given: Parameters<typeof removeEventListener>) => {
    removed++
    removeEventListener.apply(signal, given)
  }
  const breakers = [new CircuitBreaker(), new CircuitBreaker()]
  let finish = (): void => {}
  const finished = new Promise<void>((resolve) => {
    finish = resolve
  })
  const calls = Array.from({ length: CALLS }, (_, call) =>
    (breakers[call % 2] as CircuitBreaker).execute(() => finished, { signal })
  )
  t.equal(added, 1)
  finish()
  await Promise.all(calls)
  t.strictSame([added, removed], [1, 1], 'and the last one takes it away')

  await (breakers[0] as CircuitBreaker).execute(() => 1, { signal })
  t.strictSame([added, removed], [2, 2])
  await new Promise(setImmediate)
  t.strictSame(warnings, [])
})

t.test('all calls of a signal are given up when it aborts, in their order', async (t) => {
  const controller = new AbortController()
  const breaker = new CircuitBreaker()
  const order: number[] = []
  const calls = Array.from({ length: CALLS }, (_, call) =>
    breaker.execute(
      ({ signal }) => {
        signal.addEventListener('abort', () => order.push(call))
        return new Promise(() => {})
      },
      { signal: controller.signal }
    )
  )
  controller.abort(reason)
  for (const call of calls) await t.rejects(call, reason)
  t.strictSame(
    order,
    Array.from({ length: CALLS }, (_, call) => call)
  )
  t.match(breaker.snapshot(), { abandoned: CALLS, inFlight: 0, failures: 0 })
})
