import { fileURLToPath } from 'node:url'
import { figureOf } from '../harness/cells.js'
import { startChild } from '../harness/child.js'
import { compareEngines } from '../harness/engines.js'
import { nodeOfMajor } from '../harness/nodes.js'
import { nothing, ratioOf } from '../harness/statistics.js'
import { outgoingCall } from '../variants/names.js'

const pathOf = (/** @type {string} */ file) =>
  fileURLToPath(new URL(`../variants/${file}`, import.meta.url))
const { plain, outgoing, opossum, cockatiel, retryAgent } = outgoingCall
/** Microseconds. */
const MAX_ADDED = 6
const MAX_SHARE = 0.05
const MAX_BESIDE = 0.7

/** @type {import('../harness/report.js').Question} */
export const outgoingCallQuestion = {
  name: 'outgoing-call',
  title: 'A guarded call to another service',
  asks: 'What do breaker, deadline, retries and trace add to a fetch over loopback, made in a request? opossum is there with its breaker and timeout, cockatiel with retry, breaker and timeout; RetryAgent only retries.',
  versions: ['opossum', 'cockatiel', 'undici'],
  async run(effort, samples) {
    const smoke = effort.name === 'smoke'
    const own = Number(process.versions.node.split('.')[0])
    // opossum and cockatiel have left Node 20.
    const newer = smoke ? undefined : nodeOfMajor(22)
    const worlds = [
      { major: own, node: process.execPath, names: [plain, outgoing, retryAgent] },
      ...(newer === undefined
        ? []
        : [{ major: 22, node: newer, names: [plain, outgoing, opossum, cockatiel, retryAgent] }])
    ]
    const service = await startChild([pathOf('answering-service.js')])
    process.env.BENCHMARK_UPSTREAM = `http://127.0.0.1:${service.hello.port}/`
    const parameters = smoke ? { warmUp: 20, calls: 20, turns: 1 } : {}
    const rounds = smoke ? 1 : 3
    const found = worlds.map(({ major, node, names }) => ({
      major,
      names,
      figures: compareEngines(
        pathOf('outgoing-calls.js'),
        names,
        { ...parameters, major },
        { rounds, node },
        samples
      )
    }))
    service.end()
    const aims = found.flatMap(({ major, figures }) => {
      const of = (/** @type {string} */ name, /** @type {string} */ what) =>
        figures[name]?.[what] ?? nothing
      const added = of(outgoing, 'added')
      const beside = [opossum, cockatiel].filter((name) => name in figures)
      return [
        [`Node ${major}: added µs`, figureOf(added), { atMost: MAX_ADDED }],
        [
          `Node ${major}: added / the fetch in its request`,
          figureOf(ratioOf(added, of(outgoing, 'plain'))),
          { atMost: MAX_SHARE }
        ],
        ...beside.map((peer) => [
          `Node ${major}: added / ${peer}`,
          figureOf(ratioOf(added, of(peer, 'added'))),
          { atMost: MAX_BESIDE }
        ])
      ]
    })
    return {
      tables: [
        ...found.map(({ major, names, figures }) => ({
          title: `CPU µs a request with one call, Node ${major}`,
          columns: [
            'guard',
            { name: 'by fetch alone, in turn', digits: 1 },
            { name: 'added by the guard', digits: 1 }
          ],
          rows: names.map((name) => [
            name,
            ...['plain', 'added'].map((what) => figureOf(figures[name]?.[what] ?? nothing))
          ])
        })),
        { title: outgoing, columns: ['what', 'figure', 'aim'], rows: aims }
      ]
    }
  }
}
