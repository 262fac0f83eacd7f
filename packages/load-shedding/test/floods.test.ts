/**
 * Floods of a fake event loop. Covers `shedder.ts`, `work-in-hand.ts`, `turn-wait.ts`, `ladder.ts`,
 * `limit-search.ts`, `throughput.ts` and `usual.ts` together.
 */
import t from 'tap'
import { type Scenario, type Simulated, simulate } from './support/fake-loop.ts'

/** What a real loop needs for a request that burns 5 ms. */
const CPU = { cpu: 5.25 }
const CPU_CAPACITY = 190
const IO = { cpu: 0.1, wait: () => 50, slots: 20 }
const IO_CAPACITY = 400
const SEEDS = [1, 2, 3]

const flood = (capacity: number, factor: number): Scenario['phases'] => [
  { rate: capacity / 2, seconds: 2 },
  { rate: capacity * factor, seconds: 8 },
  { rate: capacity / 2, seconds: 4 }
]
const inFlood = ({ at }: Simulated): boolean => at >= 2000 && at < 10_000
const isGood = ({ at, answeredAt }: Simulated): boolean =>
  answeredAt !== undefined && answeredAt - at <= 1000
const isRefused = ({ refused }: Simulated): boolean => refused !== undefined
const share = (requests: Simulated[], is: (request: Simulated) => boolean): number =>
  requests.filter(is).length / requests.length

for (const [name, work, capacity] of [
  ['the CPU', CPU, CPU_CAPACITY],
  ['a pool', IO, IO_CAPACITY]
] as const) {
  for (const factor of [2, 5, 10]) {
    t.test(`at ${factor} times what ${name} can do, at least 0.85 of that is done`, async (t) => {
      for (const seed of SEEDS) {
        const { requests } = simulate({ ...work, seed, phases: flood(capacity, factor) })
        const good = requests.filter(inFlood).filter(isGood)
        t.ok(good.length >= 0.85 * 8 * capacity, `${good.length} of ${8 * capacity}`)
        const after = requests.filter(({ at }) => at >= 11_000)
        t.ok(share(after, isGood) >= 0.95, 'a second later all is well')
      }
    })
  }

  t.test(`at five times what ${name} can do, what matters most is served`, async (t) => {
    for (const seed of SEEDS) {
      const { requests } = simulate({ ...work, seed, phases: flood(capacity, 5) })
      const [critical, normal, bulk] = [3, 2, 0].map((rank) =>
        share(
          requests.filter(inFlood).filter((request) => request.rank === rank),
          isGood
        )
      ) as [number, number, number]
      t.ok(critical >= 0.97, `critical ${critical}`)
      t.ok(critical > normal && normal > bulk, `${critical} > ${normal} > ${bulk}`)
    }
  })

  t.test(`at seven tenths of what ${name} can do, nobody is refused`, async (t) => {
    for (const seed of SEEDS) {
      const phases = [{ rate: capacity * 0.7, seconds: 60 }]
      t.equal(simulate({ ...work, seed, phases }).requests.filter(isRefused).length, 0)
    }
  })

  for (const [length, inTurn] of [
    [200, false],
    [200, true],
    [400, true]
  ] as const) {
    const where = inTurn ? 'between the requests of a turn' : 'between turns'
    t.test(`pauses of ${length} ms ${where} cost ${name} a hundredth at most`, async (t) => {
      const stall = { every: 5000, length, inTurn }
      const phases = [{ rate: capacity * 0.7, seconds: 60 }]
      for (const seed of SEEDS) {
        const { requests } = simulate({ ...work, seed, phases, stall })
        t.ok(share(requests, isRefused) <= 0.01, `${share(requests, isRefused)}`)
        const late = requests.filter(
          (request) => isRefused(request) && request.at % 5000 > 1000 + length
        )
        t.equal(late.length, 0, 'none is refused a second later')
      }
    })
  }

  t.test(
    `where others take the core away, seven tenths of the rest of ${name} are served`,
    async (t) => {
      for (const stolen of [
        { every: 4, length: 4 },
        { every: 50, length: 50 },
        { every: 20, length: 80 },
        { every: 100, length: 300 }
      ]) {
        const left = stolen.every / (stolen.every + stolen.length)
        const rate = Math.min(0.7 * capacity, (0.7 * left * 1000) / work.cpu)
        for (const seed of SEEDS) {
          const { requests } = simulate({ ...work, seed, phases: [{ rate, seconds: 60 }], stolen })
          t.equal(requests.filter(isRefused).length, 0, JSON.stringify(stolen))
        }
      }
    }
  )
}

for (const factor of [10, 50]) {
  t.test(`a dependency that becomes ${factor} times slower costs next to nothing`, async (t) => {
    for (const seed of SEEDS) {
      const { requests } = simulate({
        ...{ cpu: 0.1, seed, patience: 10_000 },
        phases: [{ rate: 200, seconds: 15 }],
        wait: (now) => (now < 5000 ? 20 : 20 * factor)
      })
      const since = requests.filter(({ at }) => at >= 5000)
      t.ok(share(since, isRefused) <= 0.05, `${share(since, isRefused)}`)
      t.equal(since.filter((request) => isRefused(request) && request.at > 8000).length, 0)
    }
  })
}

t.test('a tenth of slow answers, or half of them from now on, is no overload', async (t) => {
  const waits: Required<Scenario>['wait'][] = [
    (_now, random) => (random() < 0.1 ? 500 : 20),
    (now, random) => (now > 5000 && random() < 0.5 ? 2000 : 20)
  ]
  for (const wait of waits) {
    const phases = [{ rate: 200, seconds: 15 }]
    const { requests } = simulate({ cpu: 0.1, seed: 1, phases, wait, patience: 5000 })
    t.equal(requests.filter(isRefused).length, 0)
  }
})

t.test(
  'a service that becomes slower all the time is limited for a while, and let go',
  async (t) => {
    const { requests, shedder } = simulate({
      ...{ cpu: 0.1, seed: 1, patience: 10_000 },
      phases: [{ rate: 150, seconds: 30 }],
      wait: (now) => Math.min(2000, 50 + Math.max(0, now - 5000) / 2)
    })
    const late = requests.filter(({ at }) => at > 20_000)
    t.ok(share(late, isRefused) < 0.05, `${share(late, isRefused)}`)
    t.equal(shedder.limit, Infinity)
  }
)

t.test('a pool that becomes slower, and keeps its size, is limited', async (t) => {
  const { requests } = simulate({
    ...{ cpu: 0.1, seed: 1, slots: 20, patience: 30_000 },
    phases: [{ rate: 250, seconds: 30 }],
    wait: (now) => (now < 5000 ? 50 : 200)
  })
  const late = requests.filter(({ at }) => at > 20_000)
  t.ok(share(late, isRefused) > 0.4, 'what cannot be done is refused')
  t.ok(share(late, ({ answeredAt }) => answeredAt !== undefined) > 0.3, 'what can be done is done')
})

t.test('when clients leave rather than wait, the work is limited', async (t) => {
  const { shedder, requests } = simulate({
    ...{ ...IO, seed: 1, patience: 1000 },
    phases: [{ rate: 2000, seconds: 5 }]
  })
  t.ok(shedder.limit < Infinity || requests.some(isRefused))
})

t.test(
  'users keep their fate: most of the normal ones are all served, or all refused',
  async (t) => {
    const { requests } = simulate({ ...CPU, seed: 1, phases: flood(CPU_CAPACITY, 5) })
    const byUser = new Map<number, Simulated[]>()
    for (const request of requests.filter(
      ({ at, rank }) => at > 4000 && at < 10_000 && rank === 2
    )) {
      byUser.set(request.user, [...(byUser.get(request.user) ?? []), request])
    }
    const fates = [...byUser.values()].map((own) => share(own, isGood))
    const steady = fates.filter((fate) => fate <= 0.1 || fate >= 0.9)
    t.ok(steady.length > 0.5 * fates.length, `${steady.length} of ${fates.length}`)
  }
)
