import { fileURLToPath } from 'node:url'
import { compareEngines } from '../harness/engines.js'
import { nodeOfMajor } from '../harness/nodes.js'
import { quoted } from '../harness/report.js'
import { requestQuestion } from '../harness/request-question.js'
import { nothing, ratioOf } from '../harness/statistics.js'

const modulePath = fileURLToPath(new URL('../variants/breakers.js', import.meta.url))
const OURS = 'holdfast circuit-breaker'
const CLOSED = [
  'plain await',
  'opossum, default',
  'opossum, no timeout',
  'cockatiel, consecutive',
  'cockatiel, sampling',
  OURS,
  `${OURS}, failure rate`,
  `${OURS}, failure rate and slow calls`
]
const TIMED = ['opossum, default', 'cockatiel, sampling', OURS]
const OPEN = ['opossum, default', 'cockatiel, consecutive', OURS]

const GOALS = [
  { ours: `closed: ${OURS}`, peer: 'closed: cockatiel, sampling', aim: 0.8 },
  { ours: `closed: ${OURS}, failure rate`, peer: 'closed: cockatiel, sampling', aim: 0.8 },
  { ours: `closed: ${OURS}`, peer: 'closed: opossum, default', aim: 0.2 },
  { ours: `with a timeout: ${OURS}`, peer: 'with a timeout: opossum, default', aim: 0.35 },
  { ours: `open: ${OURS}`, peer: 'open: cockatiel, consecutive', aim: 0.25 },
  { ours: `open: ${OURS}`, peer: 'open: opossum, default', aim: 0.25 }
]

const route = requestQuestion({
  name: 'circuit-breaker',
  title: 'A call through a breaker',
  asks: 'What does a closed breaker add to a call, what does a refusal cost, and what does a breaker on a route add to a request?',
  versions: ['@fastify/circuit-breaker', 'opossum', 'cockatiel'],
  variants: ['@fastify/circuit-breaker, closed', 'holdfast circuit-breaker, closed']
})

/** @type {import('../harness/report.js').Question} */
export const circuitBreaker = {
  ...route,
  async run(effort, samples) {
    // opossum and cockatiel have left Node 20.
    const node = nodeOfMajor(24)
    const calls = effort.name === 'smoke' ? 200 : 100_000
    const names = [
      ...CLOSED.map((name) => `closed: ${name}`),
      ...TIMED.map((name) => `with a timeout: ${name}`),
      ...OPEN.map((name) => `open: ${name}`)
    ]
    const figures = compareEngines(
      modulePath,
      names,
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
          columns: ['call', 'CPU ns', 'bytes'],
          rows: names.map((name) => [
            name,
            quoted(ofFigure(name, 'nanoseconds'), 0),
            quoted(ofFigure(name, 'bytes'), 0)
          ])
        },
        {
          title: 'Ours / the peer',
          columns: ['ours', 'peer', 'CPU', 'aim', 'reached'],
          rows: GOALS.map(({ ours, peer, aim }) => {
            const ratio = ratioOf(nanoseconds(ours), nanoseconds(peer))
            return [ours, peer, quoted(ratio), `<= ${aim}`, ratio.median <= aim ? 'yes' : 'no']
          })
        },
        ...findings.tables
      ]
    }
  }
}
