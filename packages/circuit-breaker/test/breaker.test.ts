/**
 * The states of a breaker, and calls through it. Covers `breaker.ts`, `recent-changes.ts` and `errors.ts`.
 */
import type { BreakerRefusal, BreakerTransition } from '@holdfast/circuit-breaker'
import {
  type Call,
  CallTimeoutError,
  CircuitBreaker,
  CircuitOpenError,
  isCircuitOpen
} from '@holdfast/circuit-breaker'
import { subscribe } from '@holdfast/core'
import t from 'tap'
import { clocked, fail, RESET } from './support/clocked.ts'

// The timer of a call keeps no process alive, and here nothing else would.
const alive = setInterval(() => {}, 60_000)
t.teardown(() => clearInterval(alive))

function boom(): never {
  throw new Error('boom')
}

t.test(
  'opens after threshold failures in a row, and a success starts the count anew',
  async (t) => {
    const { breaker } = clocked({ threshold: 3 })
    fail(breaker, 2)
    breaker.tryAcquire()?.success()
    fail(breaker, 2)
    t.equal(breaker.state, 'closed')
    t.match(breaker.snapshot(), { name: 'test', failures: 2, inFlight: 0, retryAfter: 0 })
    fail(breaker, 1)
    t.equal(breaker.state, 'open')
    t.equal(breaker.tryAcquire(), null)
  }
)

t.test('is half-open when the open period is over, not a moment earlier', async (t) => {
  const { breaker, pass } = clocked({ threshold: 1 })
  fail(breaker, 1)
  pass(RESET - 1)
  t.equal(breaker.state, 'open')
  t.equal(breaker.retryAfter, 1)
  pass(1)
  t.equal(breaker.state, 'half-open')
  t.equal(breaker.retryAfter, 0)
})

t.test('remembers its latest changes, how long ago they were, and why it opened', async (t) => {
  const { breaker, pass } = clocked({ threshold: 2, maxResetTimeout: RESET })
  t.same(breaker.snapshot().changes, [])
  breaker.tryAcquire()?.failure('late')
  breaker.tryAcquire()?.failure('status 503')
  pass(RESET)
  t.equal(breaker.state, 'half-open')
  breaker.tryAcquire()?.success()
  pass(10)
  t.same(breaker.snapshot().changes, [
    { to: 'closed', age: 10, causes: {} },
    { to: 'half-open', age: 10, causes: {} },
    { to: 'open', age: RESET + 10, causes: { late: 1, 'status 503': 1 } }
  ])
  for (let cycle = 0; cycle < 5; cycle++) {
    fail(breaker, 2)
    pass(RESET)
    t.equal(breaker.state, 'half-open')
  }
  t.equal(breaker.snapshot().changes.length, 6, 'and no more of them')
})

t.test('lets one probe through when half-open and refuses the others at once', async (t) => {
  const { breaker, pass } = clocked({ threshold: 1 })
  fail(breaker, 1)
  pass(RESET)
  const probe = breaker.tryAcquire()
  t.ok(probe)
  for (let caller = 0; caller < 10_000; caller++) {
    if (breaker.tryAcquire() !== null) t.fail('a second probe')
  }
  t.equal(breaker.retryAfter, RESET, 'until the lease of the probe is over')
  probe?.success()
  t.equal(breaker.state, 'closed')
})

t.test('a failed probe opens it again', async (t) => {
  const { breaker, pass } = clocked({ threshold: 5 })
  fail(breaker, 5)
  pass(RESET)
  fail(breaker, 1)
  t.equal(breaker.state, 'open')
  t.equal(breaker.retryAfter, 2 * RESET, 'twice as long')
})

t.test('an excluded probe gives its place back and decides nothing', async (t) => {
  const { breaker, pass } = clocked({ threshold: 1 })
  fail(breaker, 1)
  pass(RESET)
  breaker.tryAcquire()?.exclude()
  t.equal(breaker.state, 'half-open')
  t.equal(breaker.retryAfter, 0)
  breaker.tryAcquire()?.success()
  t.equal(breaker.state, 'closed')
})

t.test('an excluded call counts as neither while closed', async (t) => {
  const { breaker } = clocked({ threshold: 2 })
  fail(breaker, 1)
  breaker.tryAcquire()?.exclude()
  t.equal(breaker.snapshot().failures, 1)
})

t.test('a probe that never ends counts as a failure when its lease ends', async (t) => {
  const { breaker, pass } = clocked({ threshold: 1 })
  fail(breaker, 1)
  pass(RESET)
  const lost = breaker.tryAcquire()
  pass(RESET)
  t.equal(breaker.state, 'open')
  pass(2 * RESET)
  t.equal(breaker.state, 'half-open')
  const probe = breaker.tryAcquire()
  lost?.failure()
  t.equal(breaker.state, 'half-open', 'what the lost probe says now is of the past')
  probe?.success()
  lost?.failure()
  t.equal(breaker.state, 'closed')
  t.equal(breaker.snapshot().inFlight, 0)
})

t.test('open, lost and open again is computed at once when somebody looks', async (t) => {
  const { breaker, pass } = clocked({ threshold: 1 })
  fail(breaker, 1)
  pass(RESET)
  breaker.tryAcquire()
  pass(3 * RESET)
  t.equal(breaker.state, 'half-open')
})

t.test('a late success does not close an open breaker, nor a late failure open it', async (t) => {
  const { breaker, pass } = clocked({ threshold: 1 })
  const lateSuccess = breaker.tryAcquire()
  const lateFailure = breaker.tryAcquire()
  const duringProbe = breaker.tryAcquire()
  fail(breaker, 1)
  lateSuccess?.success()
  t.equal(breaker.state, 'open')
  pass(RESET)
  const probe = breaker.tryAcquire()
  duringProbe?.success()
  t.equal(breaker.state, 'half-open')
  probe?.success()
  lateFailure?.failure()
  t.equal(breaker.state, 'closed')
  t.match(breaker.snapshot(), { failures: 0, inFlight: 0 })
})

t.test('a permit counts once', async (t) => {
  const { breaker } = clocked({ threshold: 2 })
  const permit = breaker.tryAcquire()
  permit?.failure()
  permit?.failure()
  permit?.success()
  permit?.exclude()
  t.match(breaker.snapshot(), { state: 'closed', failures: 1, inFlight: 0 })
})

t.test('publishes every change of state with the counted causes, and every refusal', async (t) => {
  const { breaker, pass } = clocked({ threshold: 14 })
  const transitions: BreakerTransition[] = []
  const refusals: BreakerRefusal[] = []
  t.teardown(subscribe('holdfast:circuit-breaker:state', (change) => transitions.push(change)))
  t.teardown(subscribe('holdfast:circuit-breaker:refused', (refusal) => refusals.push(refusal)))

  const coded = Object.assign(new Error('reset'), { code: 'ECONNRESET' })
  const causes = [
    coded,
    new TypeError('fetch failed', { cause: coded }),
    new RangeError('far'),
    AbortSignal.abort().reason,
    'status 503',
    '',
    undefined,
    'x'.repeat(1000),
    ...['a', 'b', 'c', 'd', 'e', 'f']
  ]
  for (const cause of causes) breaker.tryAcquire()?.failure(cause)
  t.equal(breaker.tryAcquire(), null)
  pass(RESET)
  breaker.tryAcquire()
  pass(RESET)
  t.equal(breaker.state, 'open')
  pass(2 * RESET)
  breaker.tryAcquire()?.success()

  t.strictSame(
    transitions.map(({ name, from, to }) => `${name}: ${from} > ${to}`),
    [
      'test: closed > open',
      'test: open > half-open',
      'test: half-open > open',
      'test: open > half-open',
      'test: half-open > closed'
    ]
  )
  t.strictSame(transitions[0]?.causes, {
    ECONNRESET: 2,
    RangeError: 1,
    AbortError: 1,
    'status 503': 1,
    failure: 2,
    ['x'.repeat(64)]: 1,
    a: 1,
    b: 1,
    other: 4
  })
  t.strictSame(transitions[2]?.causes, { 'probe lost': 1 })
  t.strictSame(transitions[4]?.causes, {})
  t.equal(transitions[0]?.breaker, breaker)
  t.ok(Object.isFrozen(transitions[0]))
  t.match(refusals, [{ name: 'test', retryAfter: RESET }])
})

t.test('a subscriber may use the breaker it hears of', async (t) => {
  const { breaker, pass } = clocked({ threshold: 1 })
  let probe: ReturnType<CircuitBreaker['tryAcquire']> = null
  t.teardown(
    subscribe('holdfast:circuit-breaker:state', ({ to }) => {
      if (to === 'half-open') probe = breaker.tryAcquire()
    })
  )
  fail(breaker, 1)
  pass(RESET)
  t.equal(breaker.tryAcquire(), null, 'the subscriber was first')
  t.ok(probe)
})

t.test(
  'execute settles as the function does, whether it returns a value, a promise or a thenable',
  async (t) => {
    const { breaker } = clocked()
    t.equal(await breaker.execute(() => 1), 1)
    t.equal(await breaker.execute(() => undefined), undefined)
    t.equal(await breaker.execute(async () => 2), 2)
    const thenable: PromiseLike<number> = {
      // biome-ignore lint/suspicious/noThenProperty: what a thenable is
      then: (resolve) => Promise.resolve(3).then(resolve)
    }
    t.equal(await breaker.execute(() => thenable), 3)
    t.equal(await breaker.execute(() => thenable, { timeout: '1 minute' }), 3)
    t.match(breaker.snapshot(), { failures: 0, inFlight: 0 })
  }
)

t.test('execute counts what is thrown and what is rejected, and passes it on', async (t) => {
  const { breaker } = clocked({ threshold: 4 })
  await t.rejects(breaker.execute(boom), { message: 'boom' })
  await t.rejects(
    breaker.execute(async () => boom()),
    { message: 'boom' }
  )
  await t.rejects(breaker.execute(boom, { timeout: 1000 }), { message: 'boom' })
  t.match(breaker.snapshot(), { state: 'closed', failures: 3, inFlight: 0 })
  await t.rejects(breaker.execute(() => Promise.reject(null)))
  t.equal(breaker.state, 'open')
})

t.test('an error that cannot be looked at counts, and gives its permit back', async (t) => {
  const { breaker } = clocked({ threshold: 2 })
  const get = boom
  const errors = [
    Object.defineProperty(new Error('no cause'), 'cause', { get }),
    Object.defineProperty(new Error('no code'), 'code', { get })
  ]
  for (const error of errors)
    await t.rejects(
      breaker.execute(() => Promise.reject(error)),
      error
    )
  t.match(breaker.snapshot(), { state: 'open', inFlight: 0 })
})

t.test('execute refuses with a coded error that has no stack', async (t) => {
  const { breaker, pass } = clocked({ threshold: 1 })
  fail(breaker, 1)
  pass(1500)
  let called = false
  const error = await breaker
    .execute(() => {
      called = true
    })
    .catch((error: unknown) => error)
  t.notOk(called)
  if (!(error instanceof CircuitOpenError)) throw error
  t.match(error, {
    code: 'HOLDFAST_ERR_CIRCUIT_BREAKER_OPEN',
    statusCode: 503,
    breaker: 'test',
    retryAfter: 8500,
    headers: { 'retry-after': '9', 'cache-control': 'no-store' },
    message: 'The circuit breaker "test" is open. Try again in 9 s.'
  })
  t.notMatch(error.stack ?? '', /\n/)
})

t.test('the fallback answers for a refused, a failed and a slow call', async (t) => {
  const { breaker } = clocked({ threshold: 2 })
  const seen: unknown[] = []
  const fallback = (error: unknown): string => {
    seen.push((error as Error).name, isCircuitOpen(error))
    return 'degraded'
  }
  t.equal(await breaker.execute(boom, { fallback }), 'degraded')
  t.equal(await breaker.execute(() => new Promise(() => {}), { fallback, timeout: 1 }), 'degraded')
  t.equal(breaker.state, 'open')
  t.equal(await breaker.execute(boom, { fallback }), 'degraded')
  t.strictSame(seen, ['Error', false, 'FastifyError', false, 'FastifyError', true])
  await t.rejects(
    breaker.execute(() => 1, {
      fallback: () => {
        throw new Error('fallback broke')
      }
    }),
    { message: 'fallback broke' }
  )
})

t.test(
  'a timeout aborts the signal, counts as a failure, and the late result is harmless',
  async (t) => {
    const { breaker } = clocked({ threshold: 2 })
    let late: (() => void) | undefined
    let call: Call | undefined
    await t.rejects(
      breaker.execute(
        (given) => {
          call = given
          t.notOk(given.signal.aborted)
          return new Promise((_, reject) => {
            late = () => reject(new Error('late'))
          })
        },
        { timeout: 5 }
      ),
      { code: 'HOLDFAST_ERR_CIRCUIT_BREAKER_CALL_TIMEOUT', statusCode: 504 }
    )
    t.ok(call?.signal.aborted)
    t.ok(call?.signal.reason instanceof CallTimeoutError)
    late?.()
    await new Promise(setImmediate)
    t.match(breaker.snapshot(), { failures: 1, inFlight: 0 })
  }
)

t.test('a signal that is read after the end is aborted already', async (t) => {
  const { breaker } = clocked()
  let call: Call | undefined
  const slow = breaker.execute(
    (given) => {
      call = given
      return new Promise(() => {})
    },
    { timeout: 1 }
  )
  await t.rejects(slow, CallTimeoutError)
  t.ok(call?.signal.aborted)
  t.ok(call?.signal.reason instanceof CallTimeoutError)
})

t.test('remaining counts down to the timeout, and is endless without', async (t) => {
  const { breaker, pass } = clocked()
  await breaker.execute(
    (call) => {
      t.equal(call.remaining, 2000)
      pass(500)
      t.equal(call.remaining, 1500)
      pass(5000)
      t.equal(call.remaining, 0)
    },
    { timeout: '2s' }
  )
  await breaker.execute((call) => {
    t.equal(call.remaining, Infinity)
    t.notOk(call.signal.aborted)
    t.equal(call.signal, call.signal)
  })
})

t.test('a timeout longer than a timer can be does not fire at once', async (t) => {
  const { breaker } = clocked()
  t.equal(
    await breaker.execute(() => new Promise((resolve) => setTimeout(resolve, 20, 'done')), {
      timeout: '60 days'
    }),
    'done'
  )
})

t.test('a caller who leaves excludes the call, and gets no fallback', async (t) => {
  const { breaker, pass } = clocked({ threshold: 1 })
  fail(breaker, 1)
  pass(RESET)
  const caller = new AbortController()
  const reason = new Error('gone')
  const left = breaker.execute(
    (call) => {
      caller.abort(reason)
      t.equal(call.signal.reason, reason)
      return new Promise(() => {})
    },
    { signal: caller.signal, fallback: () => 'unasked' }
  )
  await t.rejects(left, reason)
  t.match(breaker.snapshot(), { state: 'half-open', inFlight: 0, retryAfter: 0 })

  let called = false
  const tooLate = breaker.execute(
    () => {
      called = true
    },
    { signal: caller.signal }
  )
  await t.rejects(tooLate, reason)
  t.notOk(called)
  const here = new AbortController()
  t.equal(await breaker.execute(() => 'well', { signal: here.signal }), 'well')
  t.equal(breaker.state, 'closed')
})

t.test('the refusal of another breaker is no failure of this one', async (t) => {
  const inner = clocked({ threshold: 1 }).breaker
  const outer = clocked({ threshold: 1 }).breaker
  fail(inner, 1)
  await t.rejects(
    outer.execute(() => inner.execute(() => 1)),
    { code: 'HOLDFAST_ERR_CIRCUIT_BREAKER_OPEN' }
  )
  const wrapped = async (): Promise<number> =>
    inner
      .execute(() => 1)
      .catch((cause: unknown) => {
        throw new TypeError('fetch failed', { cause })
      })
  await t.rejects(outer.execute(wrapped), TypeError)
  t.match(outer.snapshot(), { state: 'closed', failures: 0, inFlight: 0 })
})

t.test('a lost probe of any kind cannot hold it', async (t) => {
  const never = (): Promise<never> => new Promise(() => {})
  const kinds: Record<string, (breaker: CircuitBreaker) => unknown> = {
    'never settles': (breaker) => breaker.execute(never),
    'never given back': (breaker) => breaker.tryAcquire(),
    'throws at once': (breaker) => breaker.execute(boom).catch(() => {}),
    'is no promise': (breaker) => breaker.execute(() => 1),
    'is excluded': (breaker) => breaker.tryAcquire()?.exclude(),
    'is aborted': (breaker) => {
      const caller = new AbortController()
      const call = breaker.execute(never, { signal: caller.signal }).catch(() => {})
      caller.abort()
      return call
    },
    'runs into its timeout': (breaker) => breaker.execute(never, { timeout: 1 }).catch(() => {})
  }
  for (const [kind, probe] of Object.entries(kinds)) {
    const { breaker, pass } = clocked({ threshold: 1 })
    fail(breaker, 1)
    pass(RESET)
    await Promise.race([probe(breaker), new Promise(setImmediate)])
    pass(3 * RESET)
    t.equal(await breaker.execute(() => 'well').catch(() => 'refused'), 'well', kind)
    t.equal(breaker.state, 'closed', kind)
  }
})

t.test('a probe that ran into its timeout is reported as that, not as lost', async (t) => {
  const { breaker, pass } = clocked({ threshold: 1 })
  const causes: unknown[] = []
  const unsubscribe = subscribe('holdfast:circuit-breaker:state', (transition) => {
    if (transition.to === 'open') causes.push(transition.causes)
  })
  t.teardown(unsubscribe)
  fail(breaker, 1)
  pass(RESET)
  const probe = breaker.execute(() => new Promise(() => {}), { timeout: 1 })
  // The timer never fires before the lease is over.
  pass(3)
  await t.rejects(probe, CallTimeoutError)
  t.strictSame(causes, [{ down: 1 }, { HOLDFAST_ERR_CIRCUIT_BREAKER_CALL_TIMEOUT: 1 }])
  t.equal(breaker.retryAfter, 2 * RESET - 2, 'open since the lease was over')
})

t.test('a longer timeout of a call lengthens the lease of its probe', async (t) => {
  const { breaker, pass } = clocked({ threshold: 1 })
  fail(breaker, 1)
  pass(RESET)
  let answer: ((value: string) => void) | undefined
  const probe = breaker.execute(
    () =>
      new Promise<string>((resolve) => {
        answer = resolve
      }),
    { timeout: 3 * RESET }
  )
  pass(2 * RESET)
  t.equal(breaker.state, 'half-open')
  answer?.('at last')
  t.equal(await probe, 'at last')
  t.equal(breaker.state, 'closed')
})

t.test('wrong options and wrong calls are named', async (t) => {
  const wrong: [Record<string, unknown>, RegExp][] = [
    [{ threshold: 0 }, /"CircuitBreaker.threshold" must be a whole number of at least 1/],
    [{ threshold: 1.5 }, /threshold/],
    [
      { resetTimeout: 0 },
      /"CircuitBreaker.resetTimeout" must be a duration of at least 1 and at most 86400000 ms/
    ],
    [{ resetTimeout: 'soon' }, /resetTimeout.*"soon"/],
    [{ name: '' }, /name/],
    [{ clock: 5 }, /clock/],
    [{ treshold: 5 }, /"treshold" does not exist.*threshold/]
  ]
  for (const [options, message] of wrong) t.throws(() => new CircuitBreaker(options), { message })
  t.equal(new CircuitBreaker().name, 'unnamed')

  const { breaker } = clocked()
  const execute = breaker.execute.bind(breaker) as (
    fn: unknown,
    options?: unknown
  ) => Promise<unknown>
  await t.rejects(execute('text'), { code: 'HOLDFAST_ERR_OPTION_INVALID', message: /a function/ })
  for (const options of [
    { timeout: -1 },
    { timeout: 0 },
    { signal: 'stop' },
    { fallback: 'none' },
    { timout: 5 },
    null
  ]) {
    await t.rejects(execute(boom, options), { code: /^HOLDFAST_ERR_OPTION_/ })
  }
  t.match(breaker.snapshot(), { failures: 0, inFlight: 0 })
})

t.test('isCircuitOpen knows its errors, wrapped ones and those of other copies', async (t) => {
  const error = new CircuitOpenError('payments', 0)
  t.equal(error.headers['retry-after'], '1')
  t.ok(isCircuitOpen(error))
  t.ok(isCircuitOpen(new Error('outer', { cause: new Error('inner', { cause: error }) })))
  t.ok(isCircuitOpen({ [Symbol.for('holdfast.circuit-open')]: true }))
  const ring: { cause?: unknown } = {}
  ring.cause = ring
  for (const other of [new Error('no'), ring, null, undefined, 'open', 503]) {
    t.notOk(isCircuitOpen(other))
  }
})

t.test('a name is short, and has no characters that a log reader would act upon', async (t) => {
  const hostile = new CircuitBreaker({
    name: 'a\u001b[31m\nb\u2028c\u061cd',
    threshold: 1,
    random: () => 1
  })
  t.equal(hostile.name, 'a\ufffd[31m\ufffdb\ufffdc\ufffdd')
  t.equal(hostile.snapshot().name, hostile.name)
  const names: string[] = []
  t.teardown(subscribe('holdfast:circuit-breaker:state', ({ name }) => void names.push(name)))
  fail(hostile, 1)
  t.strictSame(names, [hostile.name])
  await t.rejects(
    hostile.execute(() => 1),
    { message: `The circuit breaker "${hostile.name}" is open. Try again in 10 s.` }
  )
  t.equal(new CircuitBreaker({ name: 'x'.repeat(1000) }).name.length, 256)
})
