/**
 * Added cost of a request, in process: no sockets, everything else real. It resolves about a tenth
 * of a microsecond, where HTTP over loopback resolves two.
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { nodeCommand } from './nodes.js'
import { spreadOf } from './statistics.js'

/**
 * Builds the app of a variant. `verify` is called with the number of requests that were sent, and
 * throws when the variant did less than it should (lines written, calls counted).
 *
 * @typedef {{
 *   app: import('fastify').FastifyInstance,
 *   request?: { url?: string, headers?: Record<string, string> },
 *   status?: number,
 *   verify?: (sent: number) => void | Promise<void>
 * }} Built
 * @typedef {() => Built | Promise<Built>} Variant
 *
 * @typedef {import('./statistics.js').Spread} Spread
 * @typedef {{ variant: string, cpu: Spread, ofBase: Spread, added: Spread, addedBytes: Spread }} Row
 */

const worker = fileURLToPath(new URL('in-process-worker.js', import.meta.url))

/**
 * Runs the variants in fresh processes, in turn, forwards and backwards. The first is the base that
 * "added" is counted from; it is run twice a round, and the second one, the control, shows what the
 * machine's noise alone adds.
 *
 * @param {string} modulePath absolute path of the module that exports `variants`
 * @param {readonly string[]} names the first is the base
 * @param {import('./effort.js').Effort} effort
 * @param {import('./samples.js').Samples} samples of this run so far; it adds to them
 * @returns {Row[]} the control is the second row
 */
export function compareInProcess(modulePath, names, effort, samples) {
  const [base = '', ...others] = names
  const control = `${base} (control)`
  const order = [base, control, ...others]
  const of = (/** @type {string} */ name, /** @type {string} */ what) =>
    `in process: ${names.join()}: ${name}: ${what}`
  for (let round = 0; round < effort.rounds; round++) {
    let baseline = { cpu: 0, bytes: 0 }
    const turn = round % 2 === 0 ? order : [base, ...order.slice(1).reverse()]
    for (const name of turn) {
      const figures = measure(modulePath, name === control ? base : name, effort)
      const cpu = spreadOf(figures.microseconds).median
      const bytes = spreadOf(figures.bytes).median
      if (name === base) baseline = { cpu, bytes }
      samples.add(of(name, 'cpu'), cpu)
      samples.add(of(name, 'of base'), cpu / baseline.cpu)
      samples.add(of(name, 'added'), cpu - baseline.cpu)
      samples.add(of(name, 'bytes'), bytes - baseline.bytes)
    }
  }
  return order.map((variant) => ({
    variant,
    cpu: samples.spread(of(variant, 'cpu')),
    ofBase: samples.spread(of(variant, 'of base')),
    added: samples.spread(of(variant, 'added')),
    addedBytes: samples.spread(of(variant, 'bytes'))
  }))
}

/**
 * @param {string} modulePath
 * @param {string} variant
 * @param {import('./effort.js').Effort} effort
 * @returns {{ microseconds: number[], bytes: number[] }}
 */
function measure(modulePath, variant, { warmUp, requests, samples }) {
  const [command = '', ...prefix] = nodeCommand()
  const flags = ['--expose-gc', '--min-semi-space-size=64', '--max-semi-space-size=64']
  const values = [modulePath, variant, warmUp, requests, samples].map(String)
  const { status, stdout, stderr } = spawnSync(command, [...prefix, ...flags, worker, ...values], {
    encoding: 'utf8'
  })
  if (status !== 0) throw new Error(`${variant} failed:\n${stderr}`)
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '')
}
