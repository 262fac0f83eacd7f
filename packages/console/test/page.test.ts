/**
 * What the page works out by itself, without a browser: rates, percentiles, sums of processes, and what to
 * look at. The rest of it runs in a real Chromium, in `test/system/console.test.ts`.
 */
import fc from 'fast-check'
import t from 'tap'
import type { BreakerPart, Snapshot } from '../dist/index.js'
import { ChartLines } from '../page/chart-lines.js'
import * as fleet from '../page/fleet.js'
import { bucketGrowth, History, quantile } from '../page/history.js'
import { causesOf, problems } from '../page/problems.js'
import * as text from '../page/text.js'

const empty: Snapshot = {
  process: {
    pid: 1,
    host: 'shop-1',
    node: 'v20.19.0',
    uptime: 1000,
    cpu: 0,
    loop: { active: 0, idle: 0 },
    memory: { rss: 1, heapUsed: 1, heapLimit: 1 }
  },
  leftOut: 0
}

const breaker: BreakerPart = {
  name: 'payments',
  scope: '',
  state: 'closed',
  lasted: 0,
  shadow: false,
  failures: 0,
  inFlight: 0,
  abandoned: 0,
  fallbacks: 0,
  retryAfter: 0,
  changes: [],
  success: 0,
  failure: 0,
  excluded: 0,
  refused: 0,
  refusedInShadow: 0,
  opened: 0
}

/** A process that told these, a second between them. */
function watched(name: string, ...snapshots: Partial<Snapshot>[]): fleet.Watched {
  const history = new History()
  for (const [second, snapshot] of snapshots.entries()) {
    const process = { ...empty.process, uptime: 1000 * (second + 1), ...snapshot.process }
    history.add({ ...empty, ...snapshot, process }, second * 1000)
  }
  return { name, status: 'live', reason: '', history }
}

t.test('the rate of a count is what it grew by, whatever was left out between', async (t) => {
  fc.assert(
    fc.property(fc.array(fc.nat(1000), { minLength: 2, maxLength: 90 }), (growths) => {
      let takenIn = 0
      const history = new History()
      for (const [second, growth] of growths.entries()) {
        takenIn += growth
        const requests = { takenIn, finished: 0, aborted: 0, cut: 0, malformed: 0 }
        const process = { ...empty.process, uptime: second }
        history.add({ ...empty, process, requests }, second * 1000)
      }
      const of = (snapshot: Snapshot) => snapshot.requests?.takenIn ?? 0
      const last = growths.slice(1).slice(-60)
      const sum = last.reduce((total, growth) => total + growth, 0)
      if (history.growth(60_000, of) !== sum) return false
      const recent = growths.slice(1).slice(-3)
      if (history.growth(3000, of) !== recent.reduce((total, growth) => total + growth, 0))
        return false
      return Math.abs(history.rate(60_000, of) - sum / last.length) < 1e-9
    })
  )
  const history = new History()
  t.equal(
    history.rate(1000, () => 1),
    0
  )
  t.equal(
    history.growth(1000, () => 1),
    0
  )
  t.equal(history.before(1000), undefined)
  history.add(empty, 0)
  t.equal(history.before(1000), undefined, 'there is nothing to compare it with')
  history.add(empty, 0)
  t.equal(
    history.rate(1000, () => 1),
    0,
    'no time has passed'
  )
})

t.test('a process that began anew has no past', async (t) => {
  const history = new History()
  history.add(empty, 0)
  history.add({ ...empty, process: { ...empty.process, uptime: 2000 } }, 1000)
  t.ok(history.before(1000))
  history.add({ ...empty, process: { ...empty.process, uptime: 5 } }, 2000)
  t.equal(history.before(1000), undefined, 'the clock of the process began anew')
  history.add({ ...empty, process: { ...empty.process, uptime: 10 } }, 3000)
  history.add({ ...empty, process: { ...empty.process, pid: 2, uptime: 20 } }, 4000)
  t.equal(history.before(1000), undefined, 'another process')
})

t.test('a percentile lies in the bucket that holds it', async (t) => {
  const bounds = [1, 2, 4, 8]
  fc.assert(
    fc.property(
      fc.array(fc.nat(50), { minLength: 5, maxLength: 5 }),
      fc.double({ min: 0.01, max: 1, noNaN: true }),
      (counts, share) => {
        const value = quantile(bounds, counts, share)
        const total = counts.reduce((sum, count) => sum + count, 0)
        if (total === 0) return value === undefined
        const below = counts.map((_, index) =>
          counts.slice(0, index + 1).reduce((sum, count) => sum + count, 0)
        )
        const bucket = below.findIndex(
          (count, index) => count >= share * total - 1e-9 && counts[index]! > 0
        )
        return value! >= (bounds[bucket - 1] ?? 0) - 1e-9 && value! <= (bounds[bucket] ?? 8) + 1e-9
      }
    )
  )
  t.equal(quantile([0.1, 0.2], [0, 4, 0], 0.5), 0.15000000000000002)
  t.equal(
    quantile([0.1], [0, 3], 0.5),
    0.1,
    'beyond the last bound that bound is all that is known'
  )
  t.same(bucketGrowth([3, 2], [1]), [2, 2])
  t.same(bucketGrowth(undefined, undefined), [])
})

t.test('processes are added up, and the worst state is the one that is shown', async (t) => {
  const counts = (times: number): Partial<Snapshot> => ({
    outcomes: { ok: 10 * times },
    duration: { bounds: [0.1, 0.2], counts: [10 * times, 0, 0] },
    breakers: [
      { ...breaker, success: 6 * times, failure: 2 * times, refused: times, inFlight: 1 },
      { ...breaker, name: 'stock', scope: '/v2' }
    ],
    limits: [
      {
        name: 'default',
        scope: '',
        shadow: false,
        policies: [
          {
            name: 'default',
            max: 5,
            timeWindow: 1000,
            allowed: 4 * times,
            denied: 2 * times,
            banned: 0,
            allowListed: 0,
            unanswered: 0
          }
        ]
      }
    ],
    upstreams: [
      {
        name: 'payments',
        scope: '',
        calls: 8 * times,
        tries: 9 * times,
        success: 6 * times,
        failure: 2 * times,
        refused: times,
        retries: times,
        hedges: 0,
        budgetLeft: 3,
        inFlight: 1,
        counts: [5 * times, 0, 0]
      }
    ]
  })
  const open = {
    ...breaker,
    state: 'open' as const,
    lasted: 500,
    retryAfter: 4000,
    failure: 9,
    changes: [{ to: 'open', age: 500, causes: { 'status 503': 5 } }]
  }
  const processes = fleet.present([
    watched('a', counts(1), counts(2), counts(3)),
    watched('b', counts(1), counts(2), { ...counts(3), breakers: [open] }),
    { ...watched('c', counts(1)), status: 'lost' },
    watched('d')
  ])
  t.same(
    processes.map(({ name }) => name),
    ['a', 'b']
  )
  t.equal(fleet.outcomeRates(processes)?.get('ok'), 20)
  t.equal(fleet.outcomeRates(fleet.present([watched('e', {})])), undefined)
  t.equal(fleet.latencies(fleet.present([watched('e', {})])), undefined)
  t.match(fleet.latencies(processes), { p50: 50, p99: 99 })
  t.match(fleet.latencies(fleet.present([watched('f', counts(1))])), { p50: undefined })
  const unmeasured = fleet.present([watched('f', counts(1), counts(2)), watched('g', {}, {})])
  t.match(fleet.latencies(unmeasured), { p50: 50 })
  const withoutBounds = { ...counts(1), duration: undefined }
  t.match(fleet.upstreams(fleet.present([watched('h', withoutBounds)])), [
    { latency: { p50: undefined } }
  ])
  t.match(fleet.breakers(processes), [
    {
      name: 'payments',
      state: 'open',
      alike: 1,
      of: 2,
      retryAfter: 4000,
      inFlight: 1,
      changes: [{ to: 'open' }]
    },
    { name: 'stock', scope: '/v2', state: 'closed', failing: undefined }
  ])
  const [alone] = fleet.breakers(fleet.present([watched('a', counts(1), counts(2), counts(3))]))
  t.match(alone, { calls: 8, refusals: 1, failing: 0.25, refused: 3, of: 1 })
  t.match(fleet.limits(processes), [
    { limit: 'default', max: 5, allowed: { total: 24, rate: 8 }, denied: { total: 12, rate: 4 } }
  ])
  t.match(fleet.upstreams(processes), [
    {
      name: 'payments',
      calls: 16,
      retries: 2,
      failing: 0.25,
      budgetLeft: 6,
      inFlight: 2,
      latency: { p50: 50 }
    }
  ])
  const newcomer = fleet.upstreams(fleet.present([watched('a', {}, counts(1))]))
  t.match(newcomer, [{ failing: 0.25 }], 'what was not there before counts from nothing')
  t.match(
    fleet.upstreams(
      fleet.present([
        watched('a', { upstreams: [{ ...counts(0).upstreams![0]!, counts: undefined }] })
      ])
    ),
    [{ failing: undefined, latency: undefined }]
  )
  t.match(fleet.limits(fleet.present([watched('a', {}, counts(1))])), [{ allowed: { rate: 4 } }])
})

t.test('all is well when nothing is wrong', async (t) => {
  const calm: Partial<Snapshot> = {
    life: {
      phase: 'ready',
      lasted: 1,
      inFlight: 1,
      tasks: 0,
      routes: [{ route: 'GET /', count: 1, oldest: 5 }],
      checks: [{ name: 'db', state: 'ok', critical: true }]
    },
    breakers: [breaker],
    stores: [{ scope: '', available: true, duration: 1, outages: 0, outageTime: 0, fallbacks: 0 }],
    tables: [
      { scope: '', keys: 1, maxKeys: 100, evictions: 0 },
      { scope: '/v2', keys: 0, maxKeys: 0, evictions: 0 }
    ],
    shedding: {
      shadow: false,
      shedding: false,
      share: 1,
      queueDelay: 0,
      inFlight: 0,
      offered: 1,
      shed: 0,
      byPriority: {},
      byReason: {}
    }
  }
  const policy = { name: 'default', denied: 0, banned: 0, allowListed: 0, unanswered: 0 }
  const limits = (allowed: number): Snapshot['limits'] => [
    { name: 'default', scope: '', shadow: false, policies: [{ ...policy, allowed }] }
  ]
  const busy = watched('a', { ...calm, limits: limits(0) }, { ...calm, limits: limits(500) })
  t.same(problems([busy, watched('b', {})]), [])
})

t.test('what is wrong is said in a sentence, the worst first', async (t) => {
  const limit = (denied: number, shadow: boolean): Partial<Snapshot> => ({
    limits: [
      {
        name: 'GET /orders',
        scope: '',
        shadow,
        policies: [
          { name: 'default', allowed: 10, denied, banned: 0, allowListed: 0, unanswered: 0 }
        ]
      }
    ]
  })
  const life = {
    phase: 'ready' as const,
    lasted: 3000,
    inFlight: 2,
    tasks: 0,
    routes: [],
    checks: []
  }
  const shedding = {
    shadow: false,
    shedding: true,
    share: 0.4,
    queueDelay: 0,
    inFlight: 0,
    offered: 1,
    shed: 0,
    byPriority: {},
    byReason: {}
  }
  const changes = [
    { to: 'half-open', age: 1, causes: {} },
    { to: 'open', age: 5, causes: { ETIMEDOUT: 2, 'status 503': 3 } }
  ]
  const log = { written: 0, sampledOut: 0, silent: 0, failed: 0 }
  const cases: [...snapshots: Partial<Snapshot>[], said: RegExp][] = [
    [
      { breakers: [{ ...breaker, state: 'open', retryAfter: 3200, changes }] },
      /^bad: The breaker payments is open after 3 × status 503, 2 × ETIMEDOUT\. Tries again in 4 s\.$/
    ],
    [
      { breakers: [{ ...breaker, state: 'open', shadow: true }] },
      /^warn: The breaker payments is open\. Tries again with the next call\. It only watches \(shadow\)/
    ],
    [
      { breakers: [{ ...breaker, state: 'half-open' }] },
      /^warn: The breaker payments is half-open/
    ],
    [{ breakers: [{ ...breaker, state: 'isolated' }] }, /^bad: The breaker payments is isolated/],
    [
      { life: { ...life, phase: 'draining' } },
      /^warn: The service is leaving.* For 3 s\. 2 requests in flight\.$/
    ],
    [{ life: { ...life, phase: 'stopping' } }, /^warn: The service is stopping/],
    [{ life: { ...life, phase: 'closed' } }, /^warn: The service is stopping/],
    [{ life: { ...life, phase: 'starting' } }, /^warn: The service is starting/],
    [
      { life: { ...life, checks: [{ name: 'db', state: 'failed', critical: true, age: 2000 }] } },
      /^bad: The check db fails, so the service is not ready\. Asked 2 s ago\.$/
    ],
    [
      { life: { ...life, checks: [{ name: 'cache', state: 'failed', critical: false }] } },
      /^warn: The check cache fails\. $/
    ],
    [
      { life: { ...life, routes: [{ route: 'GET /slow', count: 1, oldest: 45_000 }] } },
      /^warn: A request runs for long: GET \/slow\. For 45 s\.$/
    ],
    [
      { life: { ...life, routes: [{ count: 1, oldest: 45_000 }] } },
      /one that has reached no route/
    ],
    [{ shedding }, /^bad: The service is overloaded and refuses requests.* 40 % are admitted\.$/],
    [
      { shedding: { ...shedding, shadow: true } },
      /^warn: The service is overloaded and would refuse/
    ],
    [
      {
        stores: [
          { scope: '', available: false, duration: 5000, outages: 1, outageTime: 1, fallbacks: 1 }
        ]
      },
      /^bad: The store of the limits does not answer.* For 5 s\.$/
    ],
    [
      { tables: [{ scope: '', keys: 96, maxKeys: 100, evictions: 0 }] },
      /^warn: The table of clients is nearly full: raise maxKeys\. 96 of 100\.$/
    ],
    [
      { process: { ...empty.process, delay: { current: 300, max: 400 } } },
      /^warn: The event loop is late.* By 300 ms\.$/
    ],
    [
      { log },
      { log: { ...log, failed: 3 } },
      /^warn: Lines of the log are lost.* 3 in the last minute\.$/
    ],
    [
      { outcomes: { ok: 0, 'server-error': 0 } },
      { outcomes: { ok: 80, 'server-error': 20 } },
      /^bad: Many requests fail with a server error\. 20 % of the last minute\.$/
    ],
    [
      limit(0, false),
      { ...limit(10, false) },
      /^warn: The limit GET \/orders turns away many requests\. 100 % at present\.$/
    ],
    [limit(0, true), { ...limit(10, true) }, /^warn: The limit GET \/orders would turn away many/]
  ]
  for (const entry of cases) {
    const said = entry.pop() as RegExp
    const [found, ...more] = problems([watched('a', ...(entry as Partial<Snapshot>[]))])
    t.match(`${found?.level}: ${found?.text} ${found?.detail}`, said)
    t.same(more, [])
  }
  const two = problems([
    watched('a', { breakers: [breaker], life: { ...life, phase: 'draining' } }),
    watched('b', { breakers: [{ ...breaker, state: 'open' }] }),
    { ...watched('c'), status: 'lost', reason: 'Nobody answers there.' },
    { ...watched('d'), status: 'ended' }
  ])
  t.same(
    two.map(({ level }) => level),
    ['bad', 'bad', 'warn', 'warn']
  )
  t.match(
    two.map(({ text }) => text).join(),
    /No answer from c.*is open in 1 of 2 processes.*The process at d has stopped.*\(a\)/
  )
  t.equal(causesOf(), '')
})

t.test('a chart keeps ten minutes, and its numbers can be read as a table', async (t) => {
  const lines = new ChartLines(['p50', 'p99'])
  t.same(lines.rows(10, 3), [])
  for (let second = 0; second <= 700; second++) {
    lines.add(second, (name) => (name === 'p50' ? second : undefined))
  }
  const [times, p50, p99] = lines.data
  t.equal(times.length, 601)
  t.same([times[0], p50?.at(-1), p99?.at(-1)], [100, 700, null])
  t.same(lines.rows(10, 2), [
    { age: 0, values: [700, null] },
    { age: 10, values: [690, null] }
  ])
  t.equal(lines.rows(400, 3).length, 2, 'no more than there is')
})

t.test('numbers are written as people read them', async (t) => {
  const { count, counted, lasting, latency, memory, perSecond, share, until } = text
  t.same(
    [count(0), count(1312), count(12_400), count(2_500_000)],
    ['0', '1,312', '12.4 k', '2.5 M']
  )
  t.same([perSecond(0), perSecond(0.44), perSecond(1312)], ['0/s', '0.4/s', '1,312/s'])
  t.same(
    [share(0), share(0.001), share(0.4), share(0.999), share(1)],
    ['0 %', '< 1 %', '40 %', '> 99 %', '100 %']
  )
  t.same([latency(0.84), latency(240.2), latency(1240)], ['0.8 ms', '240 ms', '1.2 s'])
  t.same(
    [lasting(999), lasting(200_000), lasting(180_000), lasting(7_500_000), lasting(3e8)],
    ['0 s', '3 min 20 s', '3 min', '2 h 5 min', '3 days']
  )
  t.same([until(1), until(4000)], ['1 s', '4 s'])
  t.same([memory(84 * 2 ** 20), memory(1.4 * 2 ** 30)], ['84 MB', '1.4 GB'])
  t.same([counted(1, 'request'), counted(2, 'process', 'processes')], ['1 request', '2 processes'])
})
