import { fileURLToPath } from 'node:url'
import { figureOf } from '../harness/cells.js'
import { loader } from '../harness/load.js'
import { compareOneByOne, PER_SECOND } from '../harness/one-by-one.js'
import { nothing, ratioOf } from '../harness/statistics.js'
import { onRequestPath } from '../variants/names.js'
import { PEERS } from './suite.js'

const modulePath = fileURLToPath(new URL('../variants/request-path.js', import.meta.url))
const { bare, fastifyLines, pinoHttp, requestLogging, peers, suite } = onRequestPath

/** What the aims speak of; a short run asks for no more. */
const DECIDING = [bare, fastifyLines, pinoHttp, requestLogging, peers, suite]
const ALL = [
  bare,
  fastifyLines,
  pinoHttp,
  peers,
  onRequestPath.rateLimit,
  onRequestPath.circuitBreaker,
  onRequestPath.lifecycle,
  onRequestPath.suiteWithoutLine,
  onRequestPath.requestLoggingUnwritten,
  requestLogging,
  suite
]

const AIMS = [
  { ours: requestLogging, peer: fastifyLines, aim: 0.7, requests: undefined },
  { ours: requestLogging, peer: pinoHttp, aim: 0.9, requests: undefined },
  { ours: suite, peer: peers, aim: 0.8, requests: 1.15 }
]

/** @type {import('../harness/report.js').Question} */
export const suiteOverHttp = {
  name: 'suite-over-http',
  title: 'Everything together, over HTTP',
  asks: `What do the parts and the whole suite add where the kernel works in between? Server and load have a core each; once at full load, and once at ${PER_SECOND} requests a second, below what any of them can answer. The suite is lifecycle, load shedding in shadow mode, rate limit, circuit breaker and the line; outgoing is off.`,
  background:
    "by `perf record`, a quarter to a third of what any variant adds at full load is the kernel, which wakes the client for each answer: bare Fastify answers so fast that its client never sleeps. Fastify's two lines and our one line pay this alike, so the ratio cannot be that of the process alone. The rest is spread over many small costs: builtins of V8 (property loads, strings), its C++ and the code of Fastify, pino and the plugins, none above 0.5 µs.",
  versions: ['fastify', ...PEERS],
  async run(effort, samples) {
    const names = effort.name === 'short' ? DECIDING : ALL
    const rows = await compareOneByOne(modulePath, names, effort, samples)
    const costs = ['CPU µs', 'added', 'of it user', 'of it system'].map((name) => ({
      name,
      digits: 1
    }))
    const costsOf = (
      /** @type {string} */ variant,
      /** @type {import('../harness/one-by-one.js').Look} */ look
    ) => [
      figureOf(look.cpu),
      ...(variant === bare
        ? ['-', '-', '-']
        : [look.added, look.addedUser, look.addedSystem].map(figureOf))
    ]
    const of = (/** @type {string} */ name) => rows.find(({ variant }) => variant === name)
    return {
      tables: [
        {
          title: `At full load, keep-alive, 50 connections (${loader})`,
          columns: ['variant', { name: 'requests a second', digits: 0 }, `of ${bare}`, ...costs],
          rows: rows.map(({ variant, full }) => [
            variant,
            figureOf(full.perSecond),
            variant === bare ? '-' : figureOf(full.ofBase),
            ...costsOf(variant, full)
          ])
        },
        {
          title: `At ${PER_SECOND} requests a second`,
          columns: ['variant', ...costs, 'p99 ms'],
          rows: rows.map(({ variant, constant }) => [
            variant,
            ...costsOf(variant, constant),
            figureOf(constant.p99)
          ])
        },
        {
          title: 'Ours / the peer',
          columns: [
            'ours',
            'peer',
            'added CPU at full load',
            'aim',
            'added CPU at the constant rate',
            'aim',
            'requests a second',
            'aim'
          ],
          rows: AIMS.map(({ ours, peer, aim, requests }) => {
            const [one, other] = [of(ours), of(peer)]
            const beside = (
              /** @type {(row: typeof one) => import('../harness/statistics.js').Spread | undefined} */ read
            ) => figureOf(ratioOf(read(one) ?? nothing, read(other) ?? nothing))
            return [
              ours,
              peer,
              beside((row) => row?.full.added),
              { atMost: aim },
              beside((row) => row?.constant.added),
              { atMost: aim },
              beside((row) => row?.full.perSecond),
              requests === undefined ? '-' : { atLeast: requests }
            ]
          })
        }
      ],
      plots: [
        {
          name: 'suite-over-http',
          title: `Added CPU a request at ${PER_SECOND} requests a second`,
          unit: 'µs',
          table: 1,
          column: 2
        }
      ]
    }
  }
}
