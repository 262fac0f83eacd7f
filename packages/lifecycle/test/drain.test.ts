import fc from 'fast-check'
import t from 'tap'
import { type Cut, Drain, type Drainable, type Report, type ShutdownPlan } from '../dist/drain.js'
import { type Phase, Phases } from '../dist/phases.js'
import { Steps } from '../dist/steps.js'
import { FakeTime, settle } from './fixtures/fake-time.ts'

class FakeService implements Drainable {
  readonly steps: string[] = []
  readonly #time: FakeTime
  finished = 0
  disconnected: Promise<void> = Promise.resolve()
  /** Work begun after the last answer. */
  done: Promise<void> = Promise.resolve()
  late: string[] = []
  idle: () => void = () => {}
  closes: () => void = () => {}
  readonly closing: Promise<void> = new Promise((resolve) => {
    this.closes = resolve
  })
  readonly #idle: Promise<void> = new Promise((resolve) => {
    this.idle = resolve
  })

  constructor(time: FakeTime) {
    this.#time = time
  }

  note(step: string): void {
    this.steps.push(`${this.#time.now} ${step}`)
  }

  askToLeave(): void {
    this.note('ask to leave')
  }

  stopListening(): void {
    this.note('stop listening')
  }

  closeIdle(): void {
    this.note('close idle')
  }

  tellWebSockets(): void {
    this.note('tell WebSockets')
  }

  whenIdle(): Promise<void> {
    return this.#idle
  }

  abort(): void {
    this.note('abort')
  }

  async whenWebSocketsClosed(): Promise<void> {}

  whenTasksDone(): Promise<void> {
    return this.done
  }

  giveUpTasks(): string[] {
    return this.late
  }

  cut(): Cut {
    this.note('cut')
    this.idle()
    return { requests: 3, tasks: ['mail'] }
  }

  disconnect(): void {
    this.note('disconnect')
  }

  whenDisconnected(): Promise<void> {
    return this.disconnected
  }

  close(): void {
    this.note('close')
  }
}

function setUp(order: Partial<ShutdownPlan> = {}) {
  const time = new FakeTime()
  const service = new FakeService(time)
  const states: Phase[] = []
  const phases = new Phases(time.clock, ({ state }) => states.push(state))
  const steps = new Steps()
  const drain = new Drain(phases, service, steps, time.pause, time.clock)
  let closed: (error?: Error) => void = () => {}
  const full: ShutdownPlan = {
    reason: 'a test',
    budget: { drainDelay: 5000, finishTimeout: 20_000, closeTimeout: 5000 },
    close: () => {
      service.close()
      return new Promise<void>((resolve, reject) => {
        closed = (error) => (error === undefined ? resolve() : reject(error))
      })
    },
    preCloseHooks: () => [],
    hookTimeout: 10_000,
    unlimitedClose: false,
    ...order
  }
  let report: Report | undefined
  const run = (): void => {
    drain.run(full).then((result) => {
      report = result
    })
  }
  return {
    time,
    service,
    states,
    steps,
    drain,
    run,
    order: full,
    closed: (error?: Error) => closed(error),
    report: () => report
  }
}

t.test('serve on, stop listening, finish, close', async (t) => {
  const { time, service, states, run, closed, report, drain } = setUp()
  t.equal(drain.begun, false)
  run()
  t.equal(drain.begun, true)
  await time.advance(4999)
  t.same(service.steps, ['0 ask to leave'])
  t.same(states, ['draining'])
  await time.advance(2001)
  t.same(service.steps.slice(1), ['5000 stop listening', '5000 tell WebSockets', '5050 close idle'])
  t.same(states, ['draining', 'stopping'])
  service.finished = 2
  service.idle()
  await time.advance(500)
  t.same(service.steps.slice(4), ['7000 abort', '7000 close'])
  closed()
  await settle()
  t.same(states, ['draining', 'stopping', 'closed'])
  t.same(report(), {
    reason: 'a test',
    duration: 7500,
    finished: 2,
    cut: 0,
    problems: [],
    clean: true
  })
  t.equal(time.waits, 0, 'no timer is left')
})

t.test('it is over when the last connection is', async (t) => {
  const { time, service, run, closed, report } = setUp()
  let disconnected: () => void = () => {}
  service.disconnected = new Promise((resolve) => {
    disconnected = resolve
  })
  run()
  service.idle()
  await time.advance(5050)
  closed()
  await settle()
  t.equal(report(), undefined)
  disconnected()
  await settle()
  t.match(report(), { clean: true, duration: 5050 })
  t.equal(time.waits, 0)
})

t.test('what does not finish is told, then cut, and the rest goes on', async (t) => {
  const { time, service, run, closed, report } = setUp()
  run()
  await time.advance(25_050)
  closed()
  await settle()
  t.same(service.steps.slice(4), ['20050 abort', '25050 cut', '25050 close'])
  t.match(report(), { cut: 3, clean: false, problems: [] })
})

t.test('what finishes after the abort is not cut', async (t) => {
  const { time, service, run, closed, report } = setUp()
  run()
  await time.advance(21_000)
  service.idle()
  await settle()
  closed()
  await settle()
  t.match(report(), { cut: 0, clean: true })
})

t.test('a close that hangs is disconnected, then passed by', async (t) => {
  const { time, service, states, run, report } = setUp()
  service.idle()
  run()
  await time.advance(11_000)
  t.same(service.steps.slice(4), ['5050 abort', '5050 close', '7550 disconnect'])
  t.match(report(), {
    clean: false,
    problems: ['app.close() was not done within 5000 ms, what closeTimeout left for it']
  })
  t.equal(states.at(-1), 'stopping', 'nobody claims that it has closed')
})

t.test('a close that fails is a problem, early or late, an error or not', async (t) => {
  for (const wait of [100, 3000]) {
    for (const error of [new Error('no pool'), Symbol('no pool') as unknown as Error]) {
      const { time, service, run, closed, report } = setUp()
      service.idle()
      run()
      await time.advance(5050 + wait)
      closed(error)
      await settle()
      t.match(report(), { problems: [/^app.close\(\) failed: .*no pool/], clean: false })
    }
  }
})

t.test('who closes the app waits for nothing else', async (t) => {
  const { time, service, run, closed, report } = setUp({ unlimitedClose: true })
  service.closes()
  service.idle()
  run()
  await time.advance(100_000)
  t.same(
    service.steps,
    [
      '0 ask to leave',
      '0 stop listening',
      '0 tell WebSockets',
      '0 close idle',
      '0 abort',
      '0 close',
      '2500 disconnect'
    ],
    'no delay'
  )
  t.equal(report(), undefined, 'as long as it takes')
  closed()
  await settle()
  t.match(report(), { clean: true })
})

t.test('work begun late is waited for within the time to close, or named', async (t) => {
  for (const inTime of [true, false]) {
    const { time, service, run, closed, report } = setUp()
    let done = (): void => {}
    service.done = new Promise((resolve) => {
      done = resolve
    })
    service.idle()
    run()
    await time.advance(8000)
    closed()
    await time.advance(1000)
    t.equal(report(), undefined)
    if (inTime) done()
    else service.late = ['mail']
    await time.advance(2000)
    const problems = inTime ? [] : ['"mail" was not done and is given up']
    t.match(report(), { clean: inTime, problems, duration: inTime ? 9000 : 10_050 })
    t.equal(time.waits, 0)
  }
})

t.test('it happens once, and all who ask get the same report', async (t) => {
  const { time, service, drain, order, closed } = setUp({ problem: 'a crash' })
  service.idle()
  const first = drain.run(order)
  const second = drain.run({ ...order, reason: 'another' })
  await time.advance(6000)
  closed()
  t.equal(await first, await second)
  t.match(await first, { reason: 'a test', problems: ['a crash'], clean: false })
})

t.test('preClose hooks run when it stops listening, while requests finish', async (t) => {
  const hang = (): Promise<void> => new Promise(() => {})
  const { time, service, run, closed, report, drain } = setUp({
    hookTimeout: 1000,
    preCloseHooks: () => [
      { name: 'streams', run: async () => service.note('streams end') },
      { name: 'hangs', run: hang },
      { name: 'fails', run: () => Promise.reject(new Error('no use')) },
      {
        name: 'last',
        run: async () => {
          await time.pause(500, hang())
          service.note('last ended')
          service.idle()
        }
      }
    ]
  })
  run()
  await time.advance(5050)
  t.same(service.steps.slice(1), [
    '5000 stop listening',
    '5000 tell WebSockets',
    '5000 streams end',
    '5050 close idle'
  ])
  await time.advance(1450)
  await drain.hooksEnded
  t.same(service.steps.slice(5), ['6500 last ended', '6500 abort', '6500 close'])
  closed()
  await settle()
  t.match(report(), {
    problems: [
      'the preClose hook hangs was not done within 1000 ms',
      'the preClose hook fails failed: no use'
    ],
    cut: 0,
    clean: false
  })
})

t.test(
  'preClose hooks that hang take no longer than the requests may, and all begin',
  async (t) => {
    const { time, service, run, closed, report } = setUp({
      hookTimeout: Number.POSITIVE_INFINITY,
      preCloseHooks: () => [
        { name: 'hangs', run: () => new Promise(() => {}) },
        { name: 'late', run: async () => service.note('late') }
      ]
    })
    run()
    service.idle()
    await time.advance(25_050)
    t.same(service.steps.slice(4), ['20050 abort', '25000 late', '25000 close'])
    closed()
    await settle()
    t.match(report(), { problems: ['the preClose hook hangs was not done within 20000 ms'] })
  }
)

t.test('the steps run between the last answer and the close, within its time', async (t) => {
  const { time, service, steps, drain, run, closed, report } = setUp()
  steps.add({ name: 'queue', run: () => service.note('queue'), after: [], timeout: undefined })
  steps.add({ name: 'hangs', run: () => new Promise(() => {}), after: [], timeout: 1000 })
  service.idle()
  run()
  await time.advance(5050)
  t.same(service.steps.slice(4), ['5050 abort', '5050 queue'])
  await time.advance(1000)
  await drain.readyToClose
  t.equal(service.steps.at(-1), '6050 close')
  await time.advance(2000)
  t.equal(service.steps.at(-1), '8050 disconnect', 'half of what is left')
  closed()
  await settle()
  t.match(report(), { problems: ['the step "hangs" was not done within 1000 ms'], clean: false })
})

t.test('whatever happens in whatever order, it ends in time, each step in its turn', async (t) => {
  const sequence = [
    'ask to leave',
    'stop listening',
    'tell WebSockets',
    'close idle',
    'abort',
    'cut',
    'first',
    'second',
    'third',
    'close',
    'disconnect'
  ]
  const event = fc.oneof(
    fc.constantFrom('idle', 'closes', 'closed', 'fails', 'again'),
    fc.integer({ min: 0, max: 12_000 })
  )
  /** What a step does: it returns, throws, takes so many milliseconds, or never ends. */
  const behaviour = fc.oneof(
    fc.constantFrom('returns', 'throws', 'hangs'),
    fc.integer({ min: 0, max: 4000 })
  )
  const timeout = fc.option(fc.integer({ min: 1, max: 9000 }), { nil: undefined })
  const given = fc.record({
    events: fc.array(event, { maxLength: 12 }),
    behaviours: fc.tuple(behaviour, behaviour, behaviour),
    timeouts: fc.tuple(timeout, timeout, timeout)
  })
  await fc.assert(
    fc.asyncProperty(given, async ({ events, behaviours, timeouts }) => {
      const { time, service, steps, drain, order, run, closed, report } = setUp()
      for (const [index, name] of ['third', 'first', 'second'].entries()) {
        steps.add({
          name,
          after: { third: ['second'], first: [], second: ['first'] }[name] ?? [],
          timeout: timeouts[index],
          run: () => {
            service.note(name)
            const what = behaviours[index]
            if (what === 'throws') throw new Error('no use')
            if (what === 'hangs') return new Promise(() => {})
            return typeof what === 'number' ? time.pause(what, new Promise(() => {})) : undefined
          }
        })
      }
      run()
      for (const happening of events) {
        if (typeof happening === 'number') await time.advance(happening)
        else if (happening === 'idle') service.idle()
        else if (happening === 'closes') service.closes()
        else if (happening === 'closed') closed()
        else if (happening === 'fails') closed(new Error('failed'))
        else drain.run(order)
      }
      await time.advance(Math.max(0, 30_050 - time.now))
      const end = report()
      if (end === undefined) throw new Error('it did not end')
      const seen = service.steps.map((step) => sequence.indexOf(step.replace(/^[\d.]+ /, '')))
      t.same(
        seen,
        [...new Set(seen)].sort((a, b) => a - b),
        'in order, none twice'
      )
      for (const always of [0, 1, 2, 3, 4, 6, 7, 8, 9]) t.ok(seen.includes(always), 'none skipped')
      t.ok(end.duration <= 30_050)
      const failing = behaviours.filter((what) => what === 'throws' || what === 'hangs')
      t.ok(end.problems.length >= failing.length, 'what failed or hung is named')
    }),
    { numRuns: 200 }
  )
})
