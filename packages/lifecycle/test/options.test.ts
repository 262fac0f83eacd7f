import t from 'tap'
import { resolveLifecycleOptions } from '../dist/options.js'
import { budgetFor, overrun, type ShutdownBudget, total } from '../dist/shutdown-budget.js'

const usual = {
  crashed: false,
  onTerminal: false,
  signal: 'SIGTERM',
  listening: true,
  booted: true
}
const budget: ShutdownBudget = { drainDelay: 5000, finishTimeout: 20_000, closeTimeout: 5000 }

t.test('the defaults fit into the grace period of Kubernetes', (t) => {
  const options = resolveLifecycleOptions({}, false)
  t.same(options, {
    gracePeriod: 30_000,
    budget,
    signals: ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGBREAK'],
    errors: 'drain-if-alone',
    watched: true,
    exit: true,
    health: { live: '/livez', ready: '/readyz', startup: '/startupz' },
    checks: [],
    pressure: {
      hasThreshold: false,
      sampleInterval: 250,
      thresholds: {
        maxEventLoopDelay: 0,
        maxEventLoopUtilization: 0,
        maxHeapUsedBytes: 0,
        maxRssBytes: 0
      },
      refuse: false,
      retryAfter: 10_000,
      readiness: false
    },
    timeouts: { request: 5000, handler: 10_000, idle: 120_000 },
    proxyIdleTimeout: undefined
  })
  t.ok(Object.isFrozen(options))
  t.end()
})

t.test('what is not given follows from the grace period', (t) => {
  const budgetOf = (options: object): ShutdownBudget =>
    resolveLifecycleOptions(options, false).budget
  t.same(budgetOf({ gracePeriod: '12s' }), {
    drainDelay: 2000,
    finishTimeout: 8000,
    closeTimeout: 2000
  })
  t.same(budgetOf({ gracePeriod: '2m' }), { ...budget, finishTimeout: 110_000 })
  t.same(budgetOf({ drainDelay: '10s' }), { ...budget, drainDelay: 10_000, finishTimeout: 15_000 })
  t.same(budgetOf({ drainDelay: '25s' }), { ...budget, drainDelay: 25_000 }, 'no room: said below')
  t.end()
})

t.test('checks are functions, or functions with how they are treated', (t) => {
  const check = () => true
  const { checks } = resolveLifecycleOptions({
    health: {
      checks: {
        plain: check,
        told: { check, timeout: '2s', cacheFor: '1 minute', critical: false }
      }
    }
  })
  t.same(checks, [
    { name: 'plain', ask: check, settings: { timeout: 500, cacheFor: 1000, critical: true } },
    { name: 'told', ask: check, settings: { timeout: 2000, cacheFor: 60_000, critical: false } }
  ])
  t.end()
})

t.test('a threshold refuses unless told otherwise, and wants a sensor of its own', (t) => {
  const pressureOf = (pressure: object) => resolveLifecycleOptions({ pressure }).pressure
  t.match(pressureOf({ maxEventLoopDelay: '1s' }), {
    hasThreshold: true,
    refuse: true,
    readiness: false,
    thresholds: { maxEventLoopDelay: 1000 }
  })
  t.match(pressureOf({ maxRssBytes: 1e9, refuse: false, readiness: true }), {
    refuse: false,
    readiness: true
  })
  t.match(pressureOf({ sampleInterval: '1s' }), {
    hasThreshold: false,
    refuse: false,
    sampleInterval: 1000
  })
  t.equal(resolveLifecycleOptions({ timeouts: false }).timeouts, undefined)
  t.end()
})

t.test('on a terminal there is no delay unless it is given', (t) => {
  t.equal(resolveLifecycleOptions({}, true).budget.drainDelay, 0)
  t.equal(resolveLifecycleOptions({ drainDelay: 7 }, true).budget.drainDelay, 7)
  t.end()
})

t.test('signals and exit say how much of the process is ours', (t) => {
  t.match(resolveLifecycleOptions({ signals: false }), {
    signals: [],
    errors: 'leave',
    watched: false,
    exit: true
  })
  t.match(resolveLifecycleOptions({ exit: false }), {
    errors: 'leave',
    watched: true,
    exit: false
  })
  t.match(resolveLifecycleOptions({ signals: ['SIGUSR2'] }), {
    signals: ['SIGUSR2'],
    errors: 'drain-if-alone'
  })
  t.equal(resolveLifecycleOptions({ errors: 'drain', signals: false }).errors, 'drain')
  t.equal(resolveLifecycleOptions({ errors: 'leave' }).errors, 'leave')
  t.equal(resolveLifecycleOptions({ health: false }).health, undefined)
  t.same(resolveLifecycleOptions({ health: { live: '/l' } }).health, {
    live: '/l',
    ready: '/readyz',
    startup: '/startupz'
  })
  t.end()
})

t.test('a wrong option is named with its value and the remedy', (t) => {
  const wrong: [object, RegExp][] = [
    [{ gracePeriod: 0 }, /"lifecycle.gracePeriod" must be a duration of at least 1 and at most/],
    [{ drainDelay: -1 }, /"lifecycle.drainDelay" must be a duration/],
    [{ finishTimeout: 'x' }, /"lifecycle.finishTimeout" must be a duration/],
    [{ closeTimeout: 0 }, /"lifecycle.closeTimeout" must be/],
    [{ signals: ['SIGKILL'] }, /"lifecycle.signals\[0\]" must be one of "SIGTERM".*"SIGKILL"/],
    [{ signals: true }, /"lifecycle.signals" must be an array/],
    [{ exit: 1 }, /"lifecycle.exit" must be true or false/],
    [{ errors: 'ignore' }, /"lifecycle.errors" must be one of "drain", "leave"/],
    [{ errors: 'drain', exit: false }, /"lifecycle.errors" must be 'leave' where exit is false/],
    [{ health: true }, /"?lifecycle.health"? must be an object/],
    [{ health: { live: 'livez' } }, /"lifecycle.health.live" must be a path that starts with/],
    [{ gracePeriod: '30 days' }, /"lifecycle.gracePeriod" must be .* at most 604800000 ms/],
    [{ health: { prefix: '/s' } }, /lifecycle.health: the option "prefix" does not exist/],
    [{ health: { startup: 's' } }, /"lifecycle.health.startup" must be a path/],
    [
      { health: { live: '/health', ready: '/health' } },
      /"lifecycle.health.ready" must be another path than that of lifecycle.health.live, but it is the text "\/health"/
    ],
    [{ health: { startup: '/livez' } }, /"lifecycle.health.startup" must be another path/],
    [{ health: { checks: [] } }, /"lifecycle.health.checks" must be an object/],
    [
      { health: { checks: { db: true } } },
      /"lifecycle.health.checks.db" must be a function, or an/
    ],
    [{ health: { checks: { db: {} } } }, /"lifecycle.health.checks.db" must be a function/],
    [
      { health: { checks: { db: { check: () => true, timout: 1 } } } },
      /lifecycle.health.checks.db: the option "timout" does not exist.*timeout, cacheFor, critical/
    ],
    [
      { health: { checks: { db: { check: () => true, timeout: 0 } } } },
      /"lifecycle.health.checks.db.timeout" must be a duration of at least 1/
    ],
    [
      { pressure: { maxEventLoopUtilization: 95 } },
      /"lifecycle.pressure.maxEventLoopUtilization" must be a finite number of at least .* at most 1,/
    ],
    [{ pressure: { maxHeapUsedBytes: 0 } }, /"lifecycle.pressure.maxHeapUsedBytes" must be/],
    [{ pressure: { sampleInterval: 10 } }, /"lifecycle.pressure.sampleInterval" must be/],
    [{ pressure: { maxLoad: 1 } }, /lifecycle.pressure: the option "maxLoad" does not exist/],
    [{ pressure: { readiness: true } }, /"lifecycle.pressure.readiness" must be used with a thres/],
    [{ pressure: { refuse: true } }, /"lifecycle.pressure.refuse" must be used with a threshold/],
    [{ timeouts: { read: 1 } }, /lifecycle.timeouts: the option "read" does not exist/],
    [{ timeouts: true }, /"lifecycle.timeouts" must be an object/],
    [{ proxyIdleTimeout: 'long' }, /"lifecycle.proxyIdleTimeout" must be a duration/],
    [{ timeout: 1 }, /lifecycle: the option "timeout" does not exist/]
  ]
  for (const [options, message] of wrong) {
    t.throws(() => resolveLifecycleOptions(options), { message })
  }
  t.end()
})

t.test('balancers get their delay only when there are any to notice', (t) => {
  t.same(budgetFor(budget, usual), budget)
  const none = { ...budget, drainDelay: 0 }
  t.same(budgetFor(budget, { ...usual, listening: false }), none)
  t.same(budgetFor(budget, { ...usual, signal: 'SIGINT' }), budget)
  t.same(budgetFor(budget, { ...usual, onTerminal: true, signal: 'SIGINT' }), none)
  t.same(budgetFor(budget, { ...usual, onTerminal: true }), budget)
  t.same(budgetFor(budget, { ...usual, crashed: true, signal: undefined }), {
    drainDelay: 0,
    finishTimeout: 5000,
    closeTimeout: 5000
  })
  t.same(
    budgetFor(budget, { ...usual, booted: false }),
    { drainDelay: 0, finishTimeout: 0, closeTimeout: 25_000 },
    'a boot can be waited for as long as requests could'
  )
  t.end()
})

t.test('a budget that cannot be kept is called out with the sum', (t) => {
  t.equal(total(budget), 30_000)
  t.equal(overrun(budget, 30_000), undefined)
  t.match(overrun(budget, 10_000), /= 30000 ms, longer than the gracePeriod of 10000 ms/)
  t.end()
})
