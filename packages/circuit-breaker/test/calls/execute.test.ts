/**
 * What happens around a call: bounds, fallbacks, and what its result says. Covers `call-ends.ts`,
 * `calls/call.ts`, `calls/execute-options.ts`, `calls/fallback.ts`, `classify.ts` and `retry-after.ts`.
 */
import {
  type CallResult,
  CallTimeoutError,
  CircuitBreaker,
  CircuitFullError,
  type FallbackContext,
  isCircuitOpen
} from '@holdfast/circuit-breaker'
import { subscribe } from '@holdfast/core'
import t from 'tap'
import { clocked, fail, RESET } from '../support/clocked.ts'

// The timer of a call keeps no process alive, and here nothing else would.
const alive = setInterval(() => {}, 60_000)
t.teardown(() => clearInterval(alive))

/** A call whose end a test decides. */
function pending(): { call: () => Promise<string>; end(): void; fail(): void } {
  let end = (): void => {}
  let fail = (): void => {}
  const promise = new Promise<string>((resolve, reject) => {
    end = () => resolve('done')
    fail = () => reject(new Error('failed late'))
  })
  return { call: () => promise, end, fail }
}

const soon = (): Promise<void> => new Promise(setImmediate)

t.test('maxConcurrent calls run, further ones are refused and count for nothing', async (t) => {
  const { breaker } = clocked({ threshold: 1 })
  const reasons: string[] = []
  t.teardown(subscribe('holdfast:circuit-breaker:refused', ({ reason }) => reasons.push(reason)))
  const calls = [pending(), pending()]
  const running = calls.map(({ call }) => breaker.execute(call, { maxConcurrent: 2 }))
  const error = await breaker.execute(() => 1, { maxConcurrent: 2 }).catch((error) => error)
  t.ok(error instanceof CircuitFullError)
  t.match(error, {
    code: 'HOLDFAST_ERR_CIRCUIT_BREAKER_FULL',
    statusCode: 503,
    breaker: 'test',
    message: /"test" as its maxConcurrent of 2/
  })
  t.notOk(isCircuitOpen(error))
  t.strictSame(reasons, ['concurrency'])
  t.match(breaker.snapshot(), { state: 'closed', failures: 0, inFlight: 2 })
  calls[0]?.end()
  await running[0]
  t.equal(await breaker.execute(() => 'room', { maxConcurrent: 2 }), 'room')
  calls[1]?.end()
  await Promise.all(running)
  t.match(breaker.snapshot().totals, { success: 3, refusedByConcurrency: 1, refusedByState: 0 })

  const outer = clocked({ threshold: 1 }).breaker
  await t.rejects(outer.execute(() => Promise.reject(error)))
  t.equal(outer.state, 'closed', 'nor do they count for another breaker')
})

t.test('a call that was given up holds its slot until it has really ended', async (t) => {
  const { breaker } = clocked({ threshold: 100 })
  let running = 0
  let most = 0
  const ends: (() => void)[] = []
  const slow = (): Promise<void> => {
    most = Math.max(most, ++running)
    return new Promise<void>((resolve) => ends.push(resolve)).finally(() => running--)
  }
  const caller = new AbortController()
  const bounds = { maxConcurrent: 2, timeout: 1, fallback: () => 'given up' }
  const left = breaker.execute(slow, { ...bounds, timeout: '1 hour', signal: caller.signal })
  t.equal(await breaker.execute(slow, bounds), 'given up')
  caller.abort()
  await t.rejects(left)
  t.match(breaker.snapshot(), { inFlight: 0, abandoned: 2 })
  t.equal(breaker.idle, false)
  for (let call = 0; call < 20; call++) t.equal(await breaker.execute(slow, bounds), 'given up')
  t.equal(most, 2)
  for (const end of ends) end()
  await soon()
  t.match(breaker.snapshot(), { abandoned: 0 })
  t.ok(breaker.idle)

  const late = pending()
  t.equal(await breaker.execute(late.call, bounds), 'given up')
  late.fail()
  await soon()
  t.equal(breaker.snapshot().abandoned, 0, 'also when it fails in the end')
})

t.test('the fallback is told the breaker, and whether the call was made', async (t) => {
  const { breaker } = clocked({ threshold: 1 })
  const contexts: FallbackContext[] = []
  const fallback = (_error: unknown, context: FallbackContext): void => void contexts.push(context)
  await breaker.execute(() => Promise.reject(new Error('broken')), { fallback })
  await breaker.execute(() => 1, { fallback })
  const busy = clocked().breaker
  busy.tryAcquire()
  await busy.execute(() => 1, { fallback, maxConcurrent: 1 })
  t.strictSame(contexts, [
    { breaker: 'test', refused: false },
    { breaker: 'test', refused: true },
    { breaker: 'test', refused: true }
  ])
  const throws = { fallback: () => Promise.reject(new Error('nothing left')) }
  await t.rejects(
    breaker.execute(() => 1, throws),
    { message: 'nothing left' }
  )
  t.equal(breaker.snapshot().inFlight, 0)
})

t.test('classify says what errors and values mean, the default applies to the rest', async (t) => {
  const seen: CallResult[] = []
  const { breaker } = clocked({
    threshold: 2,
    classify: (result) => {
      seen.push(result)
      if (result.error instanceof RangeError) return 'excluded'
      if (result.error instanceof TypeError) return 'success'
      return result.value === 'bad' ? 'failure' : undefined
    }
  })
  const throws = (error: unknown) => () => Promise.reject(error)
  const failures = (): number => breaker.snapshot().failures
  t.equal(await breaker.execute(() => 'bad'), 'bad', 'the value is handed on all the same')
  t.equal(failures(), 1)
  await t.rejects(breaker.execute(throws(new RangeError())))
  t.equal(failures(), 1)
  await t.rejects(breaker.execute(throws(new TypeError())))
  t.equal(failures(), 0)
  await t.rejects(breaker.execute(throws(new Error()), { timeout: 1000 }))
  t.equal(failures(), 1)
  await breaker.execute(() => 'good', { fallback: () => 'unasked' })
  t.equal(failures(), 0)
  const bad = { timeout: 1000, fallback: () => 'unasked' }
  t.equal(await breaker.execute(() => 'bad', bad), 'bad')
  await t.rejects(
    breaker.execute(() => new Promise(() => {}), { timeout: 1 }),
    CallTimeoutError
  )
  t.equal(breaker.state, 'open')
  t.equal(seen.length, 7)
  t.ok(seen.every((result) => result.breaker === 'test'))
  t.notOk('error' in (seen[0] as CallResult))
})

t.test(
  'a classify that throws or answers nonsense is reported, and the default holds',
  async (t) => {
    const warnings: string[] = []
    const listen = (warning: Error): void => void warnings.push(warning.message)
    process.on('warning', listen)
    t.teardown(() => process.off('warning', listen))
    const answers = [
      () => {
        throw new Error('cannot say')
      },
      async () => 'failure',
      () => 'maybe'
    ] as unknown as (() => undefined)[]
    for (const classify of answers) {
      const { breaker } = clocked({ threshold: 1, classify })
      t.equal(await breaker.execute(() => 1), 1)
      t.match(breaker.snapshot(), { state: 'closed', inFlight: 0 })
      await t.rejects(breaker.execute(() => Promise.reject(new Error('broken'))))
      t.match(breaker.snapshot(), { state: 'open', inFlight: 0 })
    }
    await soon()
    t.equal(warnings.length, 3)
    t.match(
      warnings.join(' '),
      /option classify of the circuit breaker "test".*cannot say.*a promise.*the text "maybe"/s
    )
  }
)

t.test('a Retry-After is found where clients keep it', async (t) => {
  const inAMinute = new Date(Date.now() + 61_000).toUTCString()
  const thrower = {
    get headers() {
      throw new Error('no')
    }
  }
  const failures: [unknown, number][] = [
    [Object.assign(new Error(), { headers: { 'retry-after': '30' } }), 30_000],
    [Object.assign(new Error(), { response: { headers: { 'retry-after': ' 30 ' } } }), 30_000],
    [new Error('', { cause: new Response(null, { headers: { 'retry-after': '30' } }) }), 30_000],
    [new Error('', { cause: { response: { headers: { 'retry-after': 40 } } } }), 40_000],
    [Object.assign(new Error(), { headers: { 'retry-after': inAMinute } }), 60_000],
    [new Response(null, { headers: { 'retry-after': '30' } }), 30_000],
    [new Response(null), RESET],
    [{ headers: { 'retry-after': 'soon' } }, RESET],
    [{ headers: { 'retry-after': 'Thu, 01 Jan 1970 00:00:00 GMT' } }, RESET],
    [thrower, RESET],
    ['text', RESET],
    [null, RESET]
  ]
  const classify = (): 'failure' => 'failure'
  for (const [failure, wait] of failures) {
    const { breaker } = clocked({ threshold: 1, classify })
    await breaker.execute(() => failure)
    t.equal(breaker.retryAfter, wait)
    const other = clocked({ threshold: 1 }).breaker
    await other.execute(() => Promise.reject(failure), { fallback: () => 1 })
    t.equal(other.retryAfter, wait)
    const plain = clocked({ threshold: 1 }).breaker
    await plain.execute(() => Promise.reject(failure)).catch(() => {})
    t.equal(plain.retryAfter, wait)
  }
})

t.test('a late result of a call without bounds is of its own generation', async (t) => {
  const { breaker, pass } = clocked({ threshold: 1, halfOpen: { ramp: 0 } })
  const [ends, fails] = [pending(), pending()]
  const calls = [breaker.execute(ends.call), breaker.execute(fails.call)]
  fail(breaker, 1)
  ends.end()
  t.equal(await calls[0], 'done')
  t.equal(breaker.state, 'open')
  pass(RESET)
  t.equal(await breaker.execute(() => 'probe'), 'probe')
  fails.fail()
  await t.rejects(calls[1] as Promise<string>, { message: 'failed late' })
  t.equal(await breaker.execute(() => 'as before'), 'as before')
  t.match(breaker.snapshot(), { state: 'closed', inFlight: 0 })
})

t.test('a call without bounds has a signal, once asked for', async (t) => {
  const breaker = new CircuitBreaker()
  await breaker.execute((call) => {
    t.equal(call.signal, call.signal)
    t.notOk(call.signal.aborted)
    t.equal(call.remaining, Infinity)
  })
  const { signal } = new AbortController()
  t.equal(await breaker.execute(({ remaining }) => remaining, { signal }), Infinity)
})

t.test('no AbortController is made unless the signal is read', async (t) => {
  const { AbortController: Original } = globalThis
  let made = 0
  t.teardown(() => {
    globalThis.AbortController = Original
  })
  globalThis.AbortController = class extends Original {
    constructor() {
      super()
      made++
    }
  }
  const { breaker } = clocked()
  for (const options of [undefined, { timeout: 1000 }, { fallback: () => 1 }]) {
    await breaker.execute(() => 1, options)
  }
  t.equal(made, 0)
  await breaker.execute(({ signal }) => signal, { timeout: 1000 })
  t.equal(made, 1)
})

t.test('one call that times out does not abort another', async (t) => {
  const { breaker } = clocked()
  const signals: AbortSignal[] = []
  const hang = ({ signal }: { signal: AbortSignal }): Promise<void> => {
    signals.push(signal)
    return new Promise(() => {})
  }
  breaker.execute(hang, { timeout: '1 hour' })
  await t.rejects(breaker.execute(hang, { timeout: 1 }), CallTimeoutError)
  t.strictSame(
    signals.map(({ aborted }) => aborted),
    [false, true]
  )
})

t.test('wrong bounds are named, in texts as in numbers', async (t) => {
  const { breaker } = clocked()
  const execute = breaker.execute.bind(breaker) as (
    fn: unknown,
    options?: unknown
  ) => Promise<never>
  const wrong: [unknown, RegExp][] = [
    [{ maxConcurrent: 0 }, /"execute.maxConcurrent" must be a whole number of at least 1/],
    [{ maxConcurrent: 1.5 }, /maxConcurrent/],
    [{ maxConcurrent: '2' }, /maxConcurrent/],
    [{ timeout: '0s' }, /"execute.timeout" must be a duration of at least 1 ms/],
    [{ timeout: 'soon' }, /"execute.timeout"/],
    [{ timeout: NaN }, /"execute.timeout"/],
    [{ deadline: 5 }, /"deadline" does not exist/],
    ['fast', /an object of options/]
  ]
  for (const [options, message] of wrong)
    await t.rejects(
      execute(() => 1, options),
      { message }
    )
  const sound = {
    timeout: undefined,
    signal: undefined,
    fallback: undefined,
    maxConcurrent: undefined
  }
  t.equal(await execute(() => 1, sound), 1)
  t.equal(breaker.snapshot().inFlight, 0)
  for (let text = 1; text < 200; text++) await execute(() => 1, { timeout: `${text}h` })
})
