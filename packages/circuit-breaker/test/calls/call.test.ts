/**
 * The async context of a call. Its other behaviour is covered in `execute.test.ts`.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { type BreakerTransition, CallTimeoutError, CircuitBreaker } from '@holdfast/circuit-breaker'
import { subscribe } from '@holdfast/core'
import t from 'tap'

// The timer of a call keeps no process alive, and here nothing else would.
const alive = setInterval(() => {}, 60_000)
t.teardown(() => clearInterval(alive))

const caller = new AsyncLocalStorage<string>()
const never = (): Promise<never> => new Promise(() => {})

t.test('whatever a timeout causes happens in the context of its caller', async (t) => {
  const seen: string[] = []
  const note = (what: string): number => seen.push(`${what}: ${caller.getStore()}`)
  const breaker = new CircuitBreaker({
    name: 'context',
    threshold: 1,
    classify: () => {
      note('classify')
      return undefined
    }
  })
  const unsubscribe = subscribe('holdfast:circuit-breaker:state', ({ to }: BreakerTransition) => {
    note(to)
  })
  t.teardown(unsubscribe)
  // It starts the timer that both calls share, and ends before that fires.
  await caller.run('first', () => new CircuitBreaker().execute(() => 1, { timeout: 40 }))
  const call = caller.run('second', () =>
    breaker.execute(
      ({ signal }) => {
        signal.addEventListener('abort', () => note('abort'))
        return never()
      },
      {
        timeout: 40,
        fallback: (error) => note(error instanceof CallTimeoutError ? 'fallback' : '')
      }
    )
  )
  await call
  t.strictSame(seen, ['classify: second', 'open: second', 'abort: second', 'fallback: second'])
})

t.test('the abort of a signal reaches a call in the context of its own caller', async (t) => {
  const controller = new AbortController()
  const seen: (string | undefined)[] = []
  const breaker = new CircuitBreaker()
  const calls = ['first', 'second'].map((name) =>
    caller.run(name, () =>
      breaker.execute(
        ({ signal }) => {
          signal.addEventListener('abort', () => seen.push(caller.getStore()))
          return never()
        },
        { signal: controller.signal }
      )
    )
  )
  caller.run('who aborts', () => controller.abort(new Error('left')))
  for (const call of calls) await t.rejects(call, { message: 'left' })
  t.strictSame(seen, ['first', 'second'])
})
