import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { nodeOfMajor } from '../harness/nodes.js'

const script = fileURLToPath(new URL('../variants/breaker-situations.js', import.meta.url))

/** @type {import('../harness/report.js').Question} */
export const breakerBehaviour = {
  name: 'breaker-behaviour',
  title: 'What a breaker does when it matters',
  asks: 'Five failures open it, the open period is 200 ms. How many of a hundred calls reach a dependency that has just recovered? And what do results of calls from before do? What becomes of calls while the event loop pauses?',
  versions: ['@fastify/circuit-breaker', 'opossum', 'cockatiel'],
  once: true,
  run() {
    const node = nodeOfMajor(24) ?? process.execPath
    const { status, stdout, stderr } = spawnSync(node, [script], { encoding: 'utf8' })
    if (status !== 0) throw new Error(stderr)
    return { tables: JSON.parse(stdout) }
  }
}
