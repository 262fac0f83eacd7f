import fc from 'fast-check'
import t from 'tap'
import { type CheckChange, type CheckFunction, Checks } from '../dist/checks.js'

/** Time that passes when it is told to. */
class FakeTime {
  now = 0
  readonly #timers = new Set<{ at: number; expire: () => void }>()

  clock = (): number => this.now

  timer = (milliseconds: number, expire: () => void): (() => void) => {
    const timer = { at: this.now + milliseconds, expire }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  get pending(): number {
    return this.#timers.size
  }

  pass(milliseconds: number): void {
    this.now += milliseconds
    for (const timer of this.#timers) {
      if (timer.at > this.now) continue
      this.#timers.delete(timer)
      timer.expire()
    }
  }
}

function build() {
  const time = new FakeTime()
  const changes: CheckChange[] = []
  const checks = new Checks(time.clock, time.timer, (change) => changes.push(change))
  return { time, changes, checks }
}

const settings = { timeout: 500, cacheFor: 1000, critical: true }

/** Lets every promise that can settle do so. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** A dependency that answers when it is told to. */
function dependency() {
  const calls: { signal: AbortSignal; answer: (value: unknown) => void }[] = []
  const ask: CheckFunction = ({ signal }) =>
    new Promise((resolve) => calls.push({ signal, answer: resolve }))
  return { calls, ask }
}

t.test('nothing but an answer is an answer: what passes and what fails', async (t) => {
  const passes: [string, CheckFunction][] = [
    ['nothing', () => {}],
    ['true', () => true],
    ['text', async () => 'PONG'],
    ['rows', async () => ({ rows: [] })],
    ['an empty list', () => []],
    ['a good response', () => new Response()],
    // biome-ignore lint/suspicious/noThenProperty: what some database clients return
    ['a thenable', () => ({ then: (resolve: (value: boolean) => void) => resolve(true) })]
  ]
  const fails: [string, CheckFunction, RegExp][] = [
    ['false', () => false, /^it returned false$/],
    ['null', async () => null, /^it returned null$/],
    ['zero', () => 0, /^it returned 0$/],
    ['NaN', () => NaN, /^it returned NaN$/],
    ['empty text', () => '', /^it returned the text ""$/],
    ['an error returned', () => new Error('down'), /^down$/],
    ['a bad response', () => new Response('', { status: 500 }), /ok: false, status 500$/],
    ['an object that is not ok', () => ({ ok: false }), /^it returned an object with ok: false$/],
    ['throws', () => assertNever('refused'), /^refused$/],
    ['rejects', async () => assertNever('reset'), /^reset$/],
    ['throws long', () => assertNever('x'.repeat(1000)), /^x{300}$/],
    ['throws nothing', () => assertNever(''), /^an error without a message$/],
    ['rejects with nothing', () => Promise.reject(), /^undefined was thrown$/],
    [
      'a thenable that throws',
      () => Object.defineProperty({}, 'then', { get: () => assertNever('then') }),
      /^then$/
    ],
    ['an error that throws', () => Promise.reject(unspeakable()), /^an error that cannot be shown$/]
  ]
  const { checks, changes } = build()
  for (const [name, ask] of [...passes, ...fails]) checks.add(name, ask, settings)
  await checks.refresh()
  for (const [name] of passes) {
    t.match(
      changes.find((change) => change.name === name),
      { state: 'ok', previous: 'unknown', reason: undefined },
      name
    )
  }
  for (const [name, , reason] of fails) {
    t.match(
      changes.find((change) => change.name === name),
      { state: 'failed', previous: 'unknown', reason },
      name
    )
  }
})

function assertNever(message: string): never {
  throw new Error(message)
}

function unspeakable(): Error {
  return Object.defineProperty(new Error(), 'message', { get: () => assertNever('no') })
}

t.test('a thousand who ask at once make one call', async (t) => {
  const { checks, time } = build()
  const { calls, ask } = dependency()
  checks.add('database', ask, settings)
  const asked = Array.from({ length: 1000 }, () => checks.refresh())
  t.equal(calls.length, 1)
  t.notOk(asked.includes(undefined))
  calls[0]?.answer(true)
  await Promise.all(asked)
  t.equal(checks.refresh(), undefined, 'and the answer is kept')
  t.match(checks.health, {
    status: 'ok',
    checks: [{ name: 'database', state: 'ok', age: 0, took: 0 }]
  })
  t.equal(time.pending, 0, 'no timer is left')
})

t.test('a good answer and a bad one are kept for the same time', async (t) => {
  const { checks, time } = build()
  let well = true
  let calls = 0
  const ask = () => {
    calls++
    return well
  }
  checks.add('cached', ask, settings)
  await checks.refresh()
  well = false
  time.pass(999)
  t.equal(checks.refresh(), undefined)
  time.pass(1)
  await checks.refresh()
  t.match(checks.health, { status: 'failed' })
  well = true
  time.pass(999)
  t.equal(checks.refresh(), undefined)
  t.match(checks.health, { status: 'failed', checks: [{ age: 999 }] })
  time.pass(1)
  await checks.refresh()
  t.match(checks.health, { status: 'ok' })
  t.equal(calls, 3)
})

t.test('cacheFor 0 asks every time', async (t) => {
  const { checks } = build()
  let calls = 0
  checks.add('fresh', () => void calls++, { ...settings, cacheFor: 0 })
  await checks.refresh()
  await checks.refresh()
  t.equal(calls, 2)
})

t.test('a check that hangs fails when its time is up, and its signal aborts', async (t) => {
  const { checks, changes, time } = build()
  const { calls, ask } = dependency()
  checks.add('hangs', ask, settings)
  const asked = checks.refresh()
  time.pass(499)
  await settled()
  t.equal(calls[0]?.signal.aborted, false)
  time.pass(1)
  await asked
  t.equal(calls[0]?.signal.aborted, true)
  t.match(changes, [{ state: 'failed', reason: 'no answer within 500 ms', lasted: 500 }])
  t.match(checks.health, { status: 'failed', checks: [{ took: 500 }] })

  calls[0]?.answer(true)
  await settled()
  t.match(checks.health, { status: 'failed' }, 'an answer that comes too late is none')
  time.pass(1000)
  const again = checks.refresh()
  calls[1]?.answer(true)
  await again
  t.match(checks.health, { status: 'ok' })
  t.equal(changes.length, 2)
})

t.test('calls that hang on do not pile up, and recovery is still noticed', async (t) => {
  const { checks, time } = build()
  const { calls, ask } = dependency()
  checks.add('hangs', ask, settings)
  for (let second = 0; second < 300; second++) {
    const asked = checks.refresh()
    time.pass(1000)
    await asked
    await settled()
  }
  t.ok(calls.length >= 10 && calls.length <= 20, `${calls.length} calls in five minutes`)
  for (const { answer } of calls) answer(true)
  await settled()
  time.pass(1000)
  const asked = checks.refresh()
  t.not(asked, undefined, 'once they have ended it is asked as often as before')
  calls.at(-1)?.answer(true)
  await asked
  t.match(checks.health, { status: 'ok' })
})

t.test('degraded is not failed', async (t) => {
  const { checks, time } = build()
  const well = { cache: true, database: true }
  checks.add('cache', () => well.cache, { ...settings, critical: false })
  checks.add('database', () => well.database, settings)
  t.match(checks.health, { status: 'ok', checks: [{ state: 'unknown', age: undefined }, {}] })
  const statusWith = async (next: typeof well): Promise<string> => {
    Object.assign(well, next)
    time.pass(1000)
    await checks.refresh()
    return checks.health.status
  }
  t.equal(await statusWith({ cache: true, database: true }), 'ok')
  t.equal(await statusWith({ cache: false, database: true }), 'degraded')
  t.equal(await statusWith({ cache: false, database: false }), 'failed')
  t.equal(await statusWith({ cache: true, database: false }), 'failed')
})

t.test('a change is told once, however often it is asked after', async (t) => {
  const { checks, changes, time } = build()
  let well = true
  checks.add('flaps', () => well, settings)
  for (const next of [true, true, false, false, false, true, true]) {
    well = next
    await checks.refresh()
    time.pass(1000)
  }
  t.match(changes, [
    { state: 'ok', previous: 'unknown', lasted: 0 },
    { state: 'failed', previous: 'ok', lasted: 2000 },
    { state: 'ok', previous: 'failed', lasted: 3000 }
  ])
  t.equal(changes.length, 3)
})

t.test('a name is given once', (t) => {
  const { checks } = build()
  checks.add('database', () => {}, settings)
  t.throws(() => checks.add('database', () => {}, settings), {
    code: 'HOLDFAST_ERR_LIFECYCLE_CHECK_EXISTS',
    message: /"database"/
  })
  t.end()
})

t.test('once closed it asks and tells no more, and what it asks is aborted', async (t) => {
  const { checks, changes, time } = build()
  const { calls, ask } = dependency()
  checks.add('database', ask, settings)
  checks.add('idle', () => {}, settings)
  const asked = checks.refresh()
  checks.close()
  t.equal(calls[0]?.signal.aborted, true)
  calls[0]?.answer(false)
  await asked
  time.pass(10_000)
  checks.add('added late', ask, settings)
  t.equal(checks.refresh(), undefined)
  t.equal(calls.length, 1)
  t.match(changes, [])
})

t.test('whatever happens in whatever order: one call at a time, bounded, told truly', async () => {
  const event = fc.oneof(
    fc.record({ kind: fc.constant('ask' as const) }),
    fc.record({
      kind: fc.constant('pass' as const),
      milliseconds: fc.integer({ min: 0, max: 2000 })
    }),
    fc.record({ kind: fc.constant('answer' as const), well: fc.boolean(), which: fc.nat(20) })
  )
  await fc.assert(
    fc.asyncProperty(fc.array(event, { maxLength: 60 }), async (events) => {
      const { checks, changes, time } = build()
      const open = new Map<number, { at: number; answer: (value: boolean) => void }>()
      let calls = 0
      let expected: 'unknown' | 'ok' | 'failed' = 'unknown'
      checks.add(
        'any',
        () =>
          new Promise((resolve) => {
            const call = calls++
            const answer = (value: boolean): void => {
              open.delete(call)
              resolve(value)
            }
            open.set(call, { at: time.now, answer })
          }),
        settings
      )
      let current: number | undefined
      for (const happened of events) {
        if (happened.kind === 'ask') {
          const before = calls
          const asked = checks.refresh()
          if (calls > before) {
            // A new call only when the last was answered or given up.
            if (current !== undefined) return false
            current = calls - 1
          }
          if ((asked === undefined) !== (current === undefined)) return false
        } else if (happened.kind === 'pass') {
          time.pass(happened.milliseconds)
          const call = current === undefined ? undefined : open.get(current)
          if (call !== undefined && time.now - call.at >= settings.timeout) {
            current = undefined
            expected = 'failed'
          }
        } else {
          const entries = [...open]
          const entry = entries[happened.which % Math.max(1, entries.length)]
          if (entry === undefined) continue
          entry[1].answer(happened.well)
          if (entry[0] === current) {
            current = undefined
            expected = happened.well ? 'ok' : 'failed'
          }
        }
        await settled()
        if (checks.health.checks[0]?.state !== expected) return false
        // Those given up, and the one being asked.
        if (open.size > 11) return false
      }
      const states = changes.map(({ state }) => state)
      return states.every((state, index) => state !== states[index - 1])
    }),
    { numRuns: 200 }
  )
})
