/**
 * What the page is told, who may ask and who is told: `take-snapshot.ts` with `snapshot.ts` and
 * `read-states.ts`, `host-list.ts`, `viewers.ts`.
 */
import fc from 'fast-check'
import t from 'tap'
import { HostList } from '../dist/host-list.js'
import type { ReadStates } from '../dist/read-states.js'
import type { ProcessPart } from '../dist/snapshot.js'
import { takeSnapshot } from '../dist/take-snapshot.js'
import { MAX_VIEWERS, type Viewer, Viewers } from '../dist/viewers.js'

const me: ProcessPart = {
  pid: 7,
  host: 'shop-1',
  node: 'v20.19.0',
  uptime: 1,
  cpu: 2,
  loop: { active: 3, idle: 4 },
  memory: { rss: 5, heapUsed: 6, heapLimit: 7 }
}

const SECRET = 'secret-4711'

/** Whatever a plugin of tomorrow may add to its state. */
const more = { key: SECRET, address: SECRET, query: SECRET, body: { text: SECRET } }

const breaker = {
  name: 'payments',
  state: 'open' as const,
  lasted: 10,
  shadow: false,
  failures: 5,
  inFlight: 1,
  abandoned: 0,
  fallbacks: 0,
  retryAfter: 4000,
  changes: [{ to: 'open', age: 10, causes: { 'status 503': 5 }, ...more }],
  totals: {
    success: 1,
    failure: 5,
    excluded: 0,
    refusedByState: 2,
    refusedByConcurrency: 3,
    refusedInShadow: 0,
    opened: 1,
    ...more
  },
  ...more
}

const policy = {
  policy: 'default',
  max: 20,
  timeWindow: 10_000,
  allowed: 20,
  denied: 5,
  banned: 1,
  allowListed: 0,
  unanswered: 0,
  ...more
}

const upstream = {
  name: 'payments',
  origin: `https://${SECRET}.internal`,
  calls: 6,
  tries: 7,
  outcomes: { success: 1, failure: 5, excluded: 1, ...more },
  refused: 2,
  retries: { scheduled: 3, budget: 1 },
  hedges: 0,
  budgetLeft: 4,
  inFlight: 0,
  ...more
}

const states: ReadStates = {
  '@holdfast/core': [
    {
      prefix: '',
      state: {
        requests: {
          takenIn: 9,
          finished: 5,
          aborted: 1,
          cut: 0,
          tunnels: 0,
          malformed: { HPE_INVALID_METHOD: 2, HPE_INVALID_VERSION: 1 },
          ...more
        },
        eventLoopDelay: undefined
      }
    }
  ],
  '@holdfast/telemetry': [
    {
      prefix: '',
      state: {
        requests: { ok: 5 },
        duration: { bounds: [0.1], counts: [5, 0], ...more },
        upstreams: { payments: { counts: [1, 0], ...more } }
      }
    }
  ],
  '@holdfast/lifecycle': [
    {
      prefix: '',
      state: {
        phase: 'ready',
        lasted: 5,
        checks: [
          { name: 'database', state: 'ok', critical: true, age: 1, took: 2, ...more },
          { name: 'cache', state: 'unknown', critical: false, age: undefined, took: undefined }
        ],
        inFlight: 3,
        routes: [
          { route: 'GET /orders/:id', count: 2, oldest: 30, ...more },
          { route: undefined, count: 1, oldest: 1 }
        ],
        tasks: 0,
        ...more
      }
    }
  ],
  '@holdfast/circuit-breaker': [{ prefix: '', state: { breakers: [breaker], ...more } }],
  '@holdfast/rate-limit': [
    {
      prefix: '',
      state: {
        limits: [{ limit: 'GET /orders/:id', mode: 'enforce', policies: [policy], ...more }],
        table: { keys: 1, maxKeys: 100, evictions: 0, ...more },
        store: undefined,
        ...more
      }
    },
    {
      prefix: '/v2',
      state: {
        limits: [{ limit: 'default', mode: 'shadow', policies: [policy] }],
        table: undefined,
        store: {
          available: false,
          duration: 10,
          outages: 1,
          outageTime: 10,
          fallbacks: 3,
          ...more
        }
      }
    }
  ],
  '@holdfast/load-shedding': [
    {
      prefix: '',
      state: {
        shadow: true,
        offered: 10,
        shed: 1,
        shedByPriority: { bulk: 1 },
        shedByReason: { level: 1 },
        shedding: true,
        share: 0.5,
        queueDelay: 120,
        inFlight: 2,
        limit: Infinity,
        ...more
      }
    }
  ],
  '@holdfast/outgoing': [{ prefix: '', state: { upstreams: [upstream], ...more } }],
  '@holdfast/request-logging': [
    { prefix: '', state: { written: 4, sampledOut: 3, silent: 2, failed: 1, ...more } }
  ]
}

t.test('a page is told counts and names, and nothing of clients', async (t) => {
  const snapshot = takeSnapshot(me, states)
  t.notMatch(JSON.stringify(snapshot), SECRET)
  t.same(snapshot.process, me)
  t.match(snapshot, {
    requests: { takenIn: 9, finished: 5, aborted: 1, cut: 0, malformed: 3 },
    outcomes: { ok: 5 },
    duration: { bounds: [0.1], counts: [5, 0] },
    life: { phase: 'ready', inFlight: 3, routes: [{ route: 'GET /orders/:id', oldest: 30 }, {}] },
    breakers: [{ name: 'payments', scope: '', state: 'open', retryAfter: 4000, refused: 5 }],
    limits: [
      { name: 'GET /orders/:id', scope: '', shadow: false, policies: [{ denied: 5, banned: 1 }] },
      { name: 'default', scope: '/v2', shadow: true }
    ],
    tables: [{ scope: '', keys: 1, maxKeys: 100 }],
    stores: [{ scope: '/v2', available: false, fallbacks: 3 }],
    shedding: { shadow: true, share: 0.5, limit: undefined, byPriority: { bulk: 1 } },
    upstreams: [{ name: 'payments', success: 1, failure: 5, retries: 3, counts: [1, 0] }],
    log: { written: 4, failed: 1 },
    leftOut: 0
  })
})

t.test('where nothing is known nothing is told', async (t) => {
  t.same(JSON.parse(JSON.stringify(takeSnapshot(me, {}))), { process: me, leftOut: 0 })
  const { upstreams, shedding } = takeSnapshot(me, {
    '@holdfast/outgoing': [
      { prefix: '', state: { upstreams: [{ ...upstream, name: 'constructor', retries: {} }] } }
    ],
    '@holdfast/load-shedding': [
      {
        ...states['@holdfast/load-shedding']![0]!,
        state: { ...states['@holdfast/load-shedding']![0]!.state, limit: 4 }
      }
    ]
  })
  t.match(upstreams, [{ retries: 0, counts: undefined }])
  t.equal(shedding?.limit, 4)
})

t.test('of too many the worst are told, with how many are left out', async (t) => {
  const breakers = Array.from({ length: 130 }, (_, index) => ({
    ...breaker,
    name: `${index}`,
    state: index === 129 ? ('open' as const) : ('closed' as const)
  }))
  const snapshot = takeSnapshot(me, {
    '@holdfast/circuit-breaker': [{ prefix: '', state: { breakers } }]
  })
  t.equal(snapshot.breakers?.length, 100)
  t.equal(snapshot.breakers?.[0]?.name, '129')
  t.equal(snapshot.leftOut, 30)
})

t.test('a state of another shape is reported, and costs only its own part', async (t) => {
  const warnings: string[] = []
  const hear = (warning: Error): void => void warnings.push(warning.message)
  process.on('warning', hear)
  t.teardown(() => process.off('warning', hear))
  const odd = { '@holdfast/circuit-breaker': [{ prefix: '', state: { breakers: 'none' } }] }
  const snapshot = takeSnapshot(me, { ...states, ...(odd as unknown as ReadStates) })
  t.same(snapshot.breakers, [])
  t.equal(snapshot.limits?.length, 2)
  await new Promise(setImmediate)
  t.match(warnings, [/the console, which reads the state of @holdfast\/circuit-breaker/])
})

t.test(
  'only names that nobody can give another meaning may ask, and only own pages read',
  async (t) => {
    const list = new HostList(['Ops.example'], ['https://grafana.example'])
    for (const host of [
      '127.0.0.1:9464',
      '[::1]:9464',
      '10.0.0.7',
      'localhost:9464',
      'OPS.example:80'
    ]) {
      t.ok(list.allows(host), host)
    }
    for (const host of [
      undefined,
      '',
      'evil.example',
      'localhost.evil.example',
      'ops.example.evil'
    ]) {
      t.notOk(list.allows(host), String(host))
    }
    const own = 'ops.example:9464'
    for (const origin of [
      'http://ops.example:9464',
      'https://grafana.example',
      'http://localhost:1',
      'http://a.localhost',
      'http://127.0.0.1:9465',
      'http://[::1]:9465'
    ]) {
      t.ok(list.admits(origin, own), origin)
    }
    for (const origin of [
      'null',
      '',
      'http://evil.example',
      'http://127.0.0.1.evil.example',
      'http://ops.example'
    ]) {
      t.notOk(list.admits(origin, own), origin)
    }
  }
)

class Page implements Viewer {
  isSlow = false
  isEnded = false
  readonly frames: string[] = []
  send(frame: string): void {
    this.frames.push(frame)
  }
  end(): void {
    this.isEnded = true
  }
}

/** Viewers whose clock is ticked by hand. */
function watched(): { viewers: Viewers; tick(): void; timers(): number; reads(): number } {
  let ticks: (() => void)[] = []
  let reads = 0
  const viewers = new Viewers({
    frame: () => `frame ${++reads}`,
    begin: (tick) => {
      ticks.push(tick)
      return () => {
        ticks = ticks.filter((other) => other !== tick)
      }
    }
  })
  const tick = (): void => {
    for (const each of ticks) each()
  }
  return { viewers, tick, timers: () => ticks.length, reads: () => reads }
}

t.test(
  'whoever comes and goes, there is one timer while somebody looks, and none else',
  async (t) => {
    const steps = fc.array(
      fc.oneof(
        fc.record({ does: fc.constant('join' as const) }),
        fc.record({ does: fc.constant('leave' as const), which: fc.nat(20) }),
        fc.record({ does: fc.constant('slow' as const), which: fc.nat(20) }),
        fc.record({ does: fc.constant('tick' as const) })
      ),
      { maxLength: 120 }
    )
    fc.assert(
      fc.property(steps, (plan) => {
        const { viewers, tick, timers, reads } = watched()
        const pages: Page[] = []
        for (const step of plan) {
          const before = reads()
          if (step.does === 'join') {
            if (viewers.refusal !== undefined) {
              t.equal(pages.length, MAX_VIEWERS)
              continue
            }
            const page = new Page()
            viewers.join(page)
            pages.push(page)
            if (page.frames.length !== 1) return false
          } else if (step.does === 'tick') {
            const told = pages.map(({ frames }) => frames.length)
            tick()
            if (reads() - before !== Number(pages.length > 0)) return false
            for (const [index, page] of pages.entries()) {
              if (page.frames.length - told[index]! !== Number(!page.isSlow)) return false
            }
          } else {
            const page = pages[step.which % Math.max(1, pages.length)]
            if (page === undefined) continue
            if (step.does === 'slow') page.isSlow = !page.isSlow
            else {
              viewers.leave(page)
              viewers.leave(page)
              pages.splice(pages.indexOf(page), 1)
            }
          }
          if (viewers.count !== pages.length) return false
          if (timers() !== Number(pages.length > 0)) return false
        }
        return true
      })
    )
  }
)

t.test(
  'who takes nothing for a minute loses the place; at the end all are sent away',
  async (t) => {
    const { viewers, tick, timers } = watched()
    const slow = new Page()
    const quick = new Page()
    viewers.join(slow)
    viewers.join(quick)
    slow.isSlow = true
    for (let second = 0; second < 60; second++) tick()
    t.notOk(slow.isEnded)
    tick()
    t.ok(slow.isEnded)
    t.equal(viewers.count, 1)
    t.equal(quick.frames.length, 62)
    t.equal(slow.frames.length, 1, 'and nothing piles up for it')
    viewers.end()
    t.ok(quick.isEnded)
    t.equal(timers(), 0)
    t.match(viewers.refusal, 'stopping')
  }
)
