import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { findRedisProgram } from '../../test/support/redis-program.js'
import { figureOf } from '../harness/cells.js'
import { compareEngines } from '../harness/engines.js'
import { canPin } from '../harness/nodes.js'
import { compareOverHttp } from '../harness/over-http.js'
import { httpTable } from '../harness/request-tables.js'
import { nothing, ratioOf } from '../harness/statistics.js'
import { onSharedPath, store } from '../variants/names.js'

const modulePath = fileURLToPath(new URL('../variants/shared-limiters.js', import.meta.url))
const PEERS = [store.fastifyRateLimit, store.rateLimiterFlexible]
const STORES = [store.increment, ...PEERS, store.rateLimit]
const OVER_HTTP = Object.values(onSharedPath)

/** @type {import('../harness/report.js').Question} */
export const redis = {
  name: 'redis',
  title: 'A limit shared through Redis',
  asks: 'What does a decision in Redis cost, alone and in front of a route, and what does a request pay when Redis stands still?',
  versions: ['fastify', '@fastify/rate-limit', 'rate-limiter-flexible', 'ioredis'],
  async run(effort, samples) {
    const program = findRedisProgram()
    if (program === undefined) return { tables: [] }
    const smoke = effort.name === 'smoke'
    const { rounds } = effort
    // The stores run on core 1, servers on core 0 with their load on core 1.
    const [speed, frozen, trips] = await withRedis(program, 0, (pid) => {
      const concurrency = [1, 64].map((inFlight) =>
        compareEngines(
          modulePath,
          STORES,
          { inFlight, seconds: effort.seconds },
          { rounds },
          samples
        )
      )
      const outage = compareEngines(
        modulePath,
        ['frozen'],
        { pid, requests: smoke ? 20 : 200 },
        { rounds },
        samples
      )
      const requests = smoke ? 50 : 2000
      return [
        concurrency,
        outage['frozen'] ?? {},
        compareEngines(modulePath, ['trips'], { requests }, { rounds: 1 }, samples)['trips'] ?? {}
      ]
    })
    const overHttp = await withRedis(program, 1, () =>
      compareOverHttp(modulePath, smoke ? OVER_HTTP.slice(0, 1) : OVER_HTTP, effort, samples)
    )
    const figure = (
      /** @type {number} */ index,
      /** @type {string} */ name,
      /** @type {string} */ what
    ) => speed[index]?.[name]?.[what] ?? nothing
    const beside = (
      /** @type {number} */ index,
      /** @type {string} */ what,
      /** @type {string} */ peer
    ) => ratioOf(figure(index, store.rateLimit, what), figure(index, peer, what))
    const addedOf = (/** @type {string} */ name) =>
      overHttp.find(({ variant }) => variant === name)?.addedCpu ?? nothing
    const added = ratioOf(addedOf(onSharedPath.rateLimit), addedOf(onSharedPath.fastifyRateLimit))
    /** @type {(what: string, spread: import('../harness/statistics.js').Spread, aim: number, atLeast?: boolean) => import('../harness/cells.js').Cell[]} */
    const goal = (what, spread, aim, atLeast = false) => [
      what,
      figureOf(spread),
      atLeast ? { atLeast: aim } : { atMost: aim }
    ]
    return {
      tables: [
        ...[1, 64].map((inFlight, index) => ({
          title: `${inFlight} in flight, 10,000 clients`,
          columns: [
            'store',
            { name: 'decisions a second', digits: 0 },
            { name: 'CPU µs of the client', digits: 1 },
            { name: 'p50 ms', digits: 3 },
            { name: 'p99 ms', digits: 3 }
          ],
          rows: STORES.map((name) => [
            name,
            figureOf(figure(index, name, 'perSecond')),
            figureOf(figure(index, name, 'cpu')),
            figureOf(figure(index, name, 'p50')),
            figureOf(figure(index, name, 'p99'))
          ])
        })),
        httpTable(overHttp, onSharedPath.bare),
        {
          title: 'Ours / the peers',
          columns: ['what', 'figure', 'aim'],
          rows: [
            ...PEERS.flatMap((peer) => [
              goal(
                `decisions a second at 64 in flight / ${peer}`,
                beside(1, 'perSecond', peer),
                1.5,
                true
              ),
              goal(`client CPU at 64 in flight / ${peer}`, beside(1, 'cpu', peer), 0.35),
              goal(`latency of one in flight / ${peer}`, beside(0, 'p50', peer), 1.05)
            ]),
            goal(`added CPU over HTTP / ${onSharedPath.fastifyRateLimit}`, added, 0.5),
            goal('round trips a request, leases of 20', trips['leased'] ?? nothing, 0.1),
            goal('round trips a request of a denied client', trips['denied'] ?? nothing, 0),
            goal(
              'Redis frozen: longest of the first 20 requests, ms',
              frozen['first'] ?? nothing,
              60
            ),
            goal('Redis frozen: p95 of the others, ms', frozen['p95'] ?? nothing, 1),
            goal('Redis frozen: requests that failed', frozen['failed'] ?? nothing, 0)
          ]
        }
      ],
      plots: [
        {
          name: 'redis',
          title: '64 decisions in flight: CPU of the client',
          unit: 'µs',
          table: 1,
          column: 2
        }
      ]
    }
  }
}

/**
 * Runs a Redis for as long as it is needed, on one core where the system can pin.
 *
 * @template Result
 * @param {string} program
 * @param {number} core
 * @param {(pid: number) => Result | Promise<Result>} use
 * @returns {Promise<Result>}
 */
async function withRedis(program, core, use) {
  const probe = createServer()
  await once(probe.listen(0, '127.0.0.1'), 'listening')
  const address = probe.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  await once(probe.close(), 'close')
  const options = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', '/tmp']
  const [command = '', ...args] = [
    ...(canPin ? ['taskset', '-c', String(core)] : []),
    ...[program, ...options]
  ]
  const server = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  for await (const chunk of server.stdout) {
    output += chunk
    if (output.includes('eady to accept connections')) break
  }
  process.env.BENCHMARK_REDIS = String(port)
  try {
    return await use(server.pid ?? 0)
  } finally {
    server.kill('SIGKILL')
  }
}
