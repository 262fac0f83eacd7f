/**
 * Engines alone, without Fastify: each measurement in a fresh process, engines in turn.
 *
 * @typedef {Record<string, number>} Figures
 * @typedef {(parameters: Record<string, number>) => Figures | Promise<Figures>} Engine
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { nodeCommand } from './nodes.js'

const worker = fileURLToPath(new URL('engine-worker.js', import.meta.url))

/**
 * @param {string} modulePath absolute path of the module that exports `engines`
 * @param {readonly string[]} names
 * @param {Record<string, number>} parameters
 * @param {{ rounds: number, node?: string | undefined }} how
 * @param {import('./samples.js').Samples} samples of this run so far; it adds to them
 * @returns {Record<string, Record<string, import('./statistics.js').Spread>>} by engine, by figure
 */
export function compareEngines(modulePath, names, parameters, { rounds, node }, samples) {
  const of = (/** @type {string} */ name, /** @type {string} */ figure) =>
    `engine: ${JSON.stringify(parameters)}: ${name}: ${figure}`
  /** @type {Map<string, string[]>} */
  const figures = new Map()
  for (let round = 0; round < rounds; round++) {
    for (const name of round % 2 === 0 ? names : [...names].reverse()) {
      const measured = measure(modulePath, name, parameters, node)
      figures.set(name, Object.keys(measured))
      for (const [figure, value] of Object.entries(measured)) samples.add(of(name, figure), value)
    }
  }
  return Object.fromEntries(
    [...figures].map(([name, all]) => [
      name,
      Object.fromEntries(all.map((figure) => [figure, samples.spread(of(name, figure))]))
    ])
  )
}

/**
 * @param {string} modulePath
 * @param {string} name
 * @param {Record<string, number>} parameters
 * @param {string | undefined} node
 * @returns {Figures}
 */
function measure(modulePath, name, parameters, node) {
  const [command = '', ...prefix] = nodeCommand(1, node)
  const flags = ['--expose-gc', '--min-semi-space-size=64', '--max-semi-space-size=64']
  const { status, stdout, stderr } = spawnSync(
    command,
    [...prefix, ...flags, worker, modulePath, name, JSON.stringify(parameters)],
    { encoding: 'utf8' }
  )
  if (status !== 0) throw new Error(`${name} failed:\n${stderr}`)
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '')
}
