import t from 'tap'
import { type Budget, budgetFor, overrun, total } from '../dist/budget.js'
import { resolveLifecycleOptions } from '../dist/options.js'

const usual = {
  crashed: false,
  onTerminal: false,
  signal: 'SIGTERM',
  listening: true,
  booted: true
}
const budget: Budget = { drainDelay: 5000, finishTimeout: 20_000, closeTimeout: 5000 }

t.test('the defaults fit into the grace period of Kubernetes', (t) => {
  const options = resolveLifecycleOptions({}, false)
  t.same(options, {
    gracePeriod: 30_000,
    budget,
    signals: ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGBREAK'],
    guard: true,
    exit: true,
    health: { live: '/livez', ready: '/readyz' }
  })
  t.ok(Object.isFrozen(options))
  t.end()
})

t.test('what is not given follows from the grace period', (t) => {
  const budgetOf = (options: object): Budget => resolveLifecycleOptions(options, false).budget
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

t.test('on a terminal there is no delay unless it is given', (t) => {
  t.equal(resolveLifecycleOptions({}, true).budget.drainDelay, 0)
  t.equal(resolveLifecycleOptions({ drainDelay: 7 }, true).budget.drainDelay, 7)
  t.end()
})

t.test('signals and exit say how much of the process is ours', (t) => {
  t.match(resolveLifecycleOptions({ signals: false }), { signals: [], guard: false, exit: true })
  t.match(resolveLifecycleOptions({ exit: false }), { guard: false, exit: false })
  t.match(resolveLifecycleOptions({ signals: ['SIGUSR2'] }), { signals: ['SIGUSR2'], guard: true })
  t.equal(resolveLifecycleOptions({ health: false }).health, undefined)
  t.same(resolveLifecycleOptions({ health: { live: '/l' } }).health, {
    live: '/l',
    ready: '/readyz'
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
    [{ health: true }, /"?lifecycle.health"? must be an object/],
    [{ health: { live: 'livez' } }, /"lifecycle.health.live" must be a path that starts with/],
    [{ gracePeriod: '30 days' }, /"lifecycle.gracePeriod" must be .* at most 604800000 ms/],
    [{ health: { prefix: '/s' } }, /lifecycle.health: the option "prefix" does not exist/],
    [{ health: { startup: '/s' } }, /lifecycle.health: the option "startup" does not exist/],
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
