import { fileURLToPath } from 'node:url'
import { compareEngines } from '../harness/engines.js'
import { nodeOfMajor } from '../harness/nodes.js'
import { fixed, quoted } from '../harness/report.js'
import { requestQuestion } from '../harness/request-question.js'
import { nothing } from '../harness/statistics.js'

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
    const ratio = (/** @type {string} */ ours, /** @type {string} */ peer) =>
      fixed(ofFigure(ours, 'nanoseconds').median / ofFigure(peer, 'nanoseconds').median)
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
          title: 'Beside the peer',
          columns: ['ours', 'peer', 'CPU, ours / peer', 'aim'],
          rows: [
            [
              `closed: ${OURS}`,
              'closed: cockatiel, sampling',
              ratio(`closed: ${OURS}`, 'closed: cockatiel, sampling'),
              '<= 0.8'
            ],
            [
              `closed: ${OURS}, failure rate`,
              'closed: cockatiel, sampling',
              ratio(`closed: ${OURS}, failure rate`, 'closed: cockatiel, sampling'),
              '<= 0.8'
            ],
            [
              `with a timeout: ${OURS}`,
              'with a timeout: opossum, default',
              ratio(`with a timeout: ${OURS}`, 'with a timeout: opossum, default'),
              '<= 0.35'
            ],
            [
              `closed: ${OURS}`,
              'closed: opossum, default',
              ratio(`closed: ${OURS}`, 'closed: opossum, default'),
              '<= 0.2'
            ],
            [
              `open: ${OURS}`,
              'open: cockatiel, consecutive',
              ratio(`open: ${OURS}`, 'open: cockatiel, consecutive'),
              '<= 0.25'
            ],
            [
              `open: ${OURS}`,
              'open: opossum, default',
              ratio(`open: ${OURS}`, 'open: opossum, default'),
              '<= 0.25'
            ]
          ]
        },
        ...findings.tables
      ]
    }
  }
}
