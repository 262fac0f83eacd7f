import { fileURLToPath } from 'node:url'
import { figureOf } from '../harness/cells.js'
import { compareEngines } from '../harness/engines.js'
import { nodeOfMajor } from '../harness/nodes.js'
import { requestQuestion } from '../harness/request-question.js'
import { nothing, ratioOf } from '../harness/statistics.js'
import { breaker, closed, onRequestPath, open, withTimeout } from '../variants/names.js'

const modulePath = fileURLToPath(new URL('../variants/breakers.js', import.meta.url))
const { cockatiel, cockatielSampling, opossum } = breaker
const ours = breaker.circuitBreaker
const CALLS = [
  ...Object.values(breaker).map(closed),
  ...[opossum, cockatielSampling, ours].map(withTimeout),
  ...[opossum, cockatiel, ours].map(open)
]

const GOALS = [
  { ours: closed(ours), peer: closed(cockatielSampling), aim: 0.8 },
  { ours: closed(breaker.circuitBreakerOfRate), peer: closed(cockatielSampling), aim: 0.8 },
  { ours: closed(ours), peer: closed(opossum), aim: 0.2 },
  { ours: withTimeout(ours), peer: withTimeout(opossum), aim: 0.35 },
  { ours: open(ours), peer: open(cockatiel), aim: 0.25 },
  { ours: open(ours), peer: open(opossum), aim: 0.25 }
]

const route = requestQuestion({
  name: 'circuit-breaker',
  title: 'A call through a breaker',
  asks: 'What does a closed breaker add to a call, what does a refusal cost, and what does a breaker on a route add to a request?',
  versions: ['@fastify/circuit-breaker', 'opossum', 'cockatiel'],
  variants: [onRequestPath.fastifyCircuitBreaker, onRequestPath.circuitBreaker]
})

/** @type {import('../harness/report.js').Question} */
export const circuitBreaker = {
  ...route,
  async run(effort, samples) {
    // opossum and cockatiel have left Node 20.
    const node = nodeOfMajor(24)
    const calls = effort.name === 'smoke' ? 200 : 100_000
    const figures = compareEngines(
      modulePath,
      CALLS,
      { calls },
      { rounds: effort.rounds, node },
      samples
    )
    const ofFigure = (/** @type {string} */ name, /** @type {string} */ what) =>
      figures[name]?.[what] ?? nothing
    const nanoseconds = (/** @type {string} */ name) => ofFigure(name, 'nanoseconds')
    const findings = await route.run(effort, samples)
    return {
      ...findings,
      tables: [
        {
          title: `Awaited calls, ${node === undefined ? `Node ${process.versions.node}` : 'Node 24'}`,
          columns: ['call', { name: 'CPU ns', digits: 0 }, { name: 'bytes', digits: 0 }],
          rows: CALLS.map((name) => [
            name,
            figureOf(ofFigure(name, 'nanoseconds')),
            figureOf(ofFigure(name, 'bytes'))
          ])
        },
        {
          title: 'Ours / the peer',
          columns: ['ours', 'peer', 'CPU', 'aim'],
          rows: GOALS.map(({ ours, peer, aim }) => {
            const ratio = ratioOf(nanoseconds(ours), nanoseconds(peer))
            return [ours, peer, figureOf(ratio), { atMost: aim }]
          })
        },
        ...findings.tables
      ]
    }
  }
}
