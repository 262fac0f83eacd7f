import { fileURLToPath } from 'node:url'
import { freePorts } from '../../test/support/haproxy.js'
import { figureOf } from '../harness/cells.js'
import { load, loader } from '../harness/load.js'
import { nginx, startNginx } from '../harness/nginx.js'
import { cpuOf } from '../harness/process-cpu.js'
import { serve } from '../harness/served.js'
import { placement } from '../variants/names.js'

const modulePath = fileURLToPath(new URL('../variants/request-path.js', import.meta.url))
const { plain, nginxInFront, suite } = placement
const PLACEMENTS = [plain, nginxInFront, suite]

/** @type {import('../harness/report.js').Question} */
export const inFront = {
  name: 'in-front',
  title: 'In the process, or in front of it',
  asks: 'A limit for each address, a line for each request, nothing sent to a server that failed: nginx in front of plain Fastify does that too (limit_req, access_log, max_fails). What does a request cost then, all processes together, and how many does one core answer, beside the suite with nothing in front?',
  versions: ['fastify'],
  async run(effort, samples) {
    if (nginx === undefined) {
      return { tables: [], notes: ['nginx is not installed: apt-get install nginx'] }
    }
    const of = (/** @type {string} */ name, /** @type {string} */ what) =>
      `in front: ${name}: ${what}`
    for (let round = 0; round < effort.processes; round++) {
      const isReversed = samples.count(of(plain, 'cpu')) % 2 === 1
      for (const name of isReversed ? [...PLACEMENTS].reverse() : PLACEMENTS) {
        for (const [what, value] of Object.entries(await observe(name, effort))) {
          samples.add(of(name, what), value)
        }
      }
    }
    return {
      tables: [
        {
          title: `All processes on one core, at full load, keep-alive, 50 connections (${loader})`,
          columns: [
            'what answers',
            { name: 'requests a second', digits: 0 },
            { name: 'CPU µs a request', digits: 1 },
            { name: 'of it Node', digits: 1 },
            { name: 'of it nginx', digits: 1 }
          ],
          rows: PLACEMENTS.map((name) => [
            name,
            ...['perSecond', 'cpu', 'node', 'nginx'].map((what) =>
              figureOf(samples.spread(of(name, what)))
            )
          ])
        }
      ],
      plots: [
        {
          name: 'in-front',
          title: 'CPU a request, all processes together',
          unit: 'µs',
          table: 0,
          column: 2
        }
      ]
    }
  }
}

/** @param {string} name @param {import('../harness/effort.js').Effort} effort */
async function observe(name, { warmUpSeconds, lookSeconds }) {
  const server = await serve(modulePath, name === suite ? suite : plain)
  /** @type {Awaited<ReturnType<typeof startNginx>> | undefined} */
  let proxy
  const taken = () => ({
    node: cpuOf(server.child.pid),
    nginx: (proxy?.pids ?? []).reduce((sum, pid) => sum + cpuOf(pid), 0)
  })
  try {
    let { url } = server
    if (name === nginxInFront) {
      const [port = 0] = await freePorts(1)
      proxy = await startNginx(port, Number(new URL(url).port))
      url = `http://127.0.0.1:${port}/`
    }
    if (warmUpSeconds > 0) await load(url, { seconds: warmUpSeconds })
    const before = taken()
    const { requests, seconds, failures } = await load(url, { seconds: lookSeconds })
    const after = taken()
    if (failures > 0) throw new Error(`${name}: ${failures} of ${requests} requests failed`)
    const node = (after.node - before.node) / requests
    const inNginx = (after.nginx - before.nginx) / requests
    return { perSecond: requests / seconds, cpu: node + inNginx, node, nginx: inNginx }
  } finally {
    await proxy?.stop()
    server.child.end()
  }
}
