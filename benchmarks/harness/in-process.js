/**
 * Added cost of a request, in process: no sockets, everything else real. It resolves about a tenth
 * of a microsecond, where HTTP over loopback resolves two.
 */
import { fileURLToPath } from 'node:url'
import { startChild } from './child.js'
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
 * @typedef {{ cpu: number[], hot: number[], bytes: number[] }} Figures microseconds and bytes a request, by sample
 * @typedef {{ variant: string, cpu: Spread, ofBase: Spread, added: Spread, hot: Spread, addedBytes: Spread }} Row
 *   `hot` is what it adds when nothing else runs in between
 */

/** Samples in a row. In the first of them the caches still hold what another process left there. */
const HOT = 6

const worker = fileURLToPath(new URL('in-process-worker.js', import.meta.url))

/**
 * Runs the variants side by side: a round starts a fresh process of each, warms it up, and then asks
 * them for a sample in turn, forwards and backwards, so that what is compared was measured within a
 * second; each begins as often as any other. In such a turn caches are cold at first, as they are in a
 * service that waits in between; after the turns each is asked for some samples in a row, hot. The first
 * is the base that "added" is counted from; it is there twice, and the second one, the control, shows
 * what the machine's noise alone adds.
 *
 * @param {string} modulePath absolute path of the module that exports `variants`
 * @param {readonly string[]} names the first is the base
 * @param {import('./effort.js').Effort} effort
 * @param {import('./samples.js').Samples} samples of this run so far; it adds to them
 * @returns {Promise<Row[]>} the control is the second row
 */
export async function compareInProcess(modulePath, names, effort, samples) {
  const [base = '', ...others] = names
  const control = `${base} (control)`
  const order = [base, control, ...others]
  const of = (/** @type {string} */ name, /** @type {string} */ what) =>
    `in process: ${names.join()}: ${name}: ${what}`
  for (let round = 0; round < effort.rounds; round++) {
    const started = rotated([base, base, ...others], round)
    const figures = rotated(await measure(modulePath, started, effort), -round)
    const ofBase = /** @type {Figures} */ (figures[0])
    for (const [index, { cpu, hot, bytes }] of figures.entries()) {
      const name = /** @type {string} */ (order[index])
      const beside = ofBase.cpu
      samples.add(of(name, 'cpu'), median(cpu))
      samples.add(of(name, 'of base'), median(cpu.map((one, turn) => one / Number(beside[turn]))))
      samples.add(of(name, 'added'), median(cpu.map((one, turn) => one - Number(beside[turn]))))
      samples.add(of(name, 'hot'), median(hot) - median(ofBase.hot))
      samples.add(of(name, 'bytes'), median(bytes) - median(ofBase.bytes))
    }
  }
  return order.map((variant) => ({
    variant,
    cpu: samples.spread(of(variant, 'cpu')),
    ofBase: samples.spread(of(variant, 'of base')),
    added: samples.spread(of(variant, 'added')),
    hot: samples.spread(of(variant, 'hot')),
    addedBytes: samples.spread(of(variant, 'bytes'))
  }))
}

/**
 * One round.
 *
 * @param {string} modulePath
 * @param {readonly string[]} variants
 * @param {import('./effort.js').Effort} effort
 * @returns {Promise<Figures[]>}
 */
async function measure(modulePath, variants, { warmUp, requests, turns }) {
  const flags = ['--expose-gc', '--min-semi-space-size=64', '--max-semi-space-size=64']
  const sizes = [warmUp, requests].map(String)
  const measured = []
  try {
    for (const variant of variants) {
      const child = await startChild([...flags, worker, modulePath, variant, ...sizes])
      const cpu = /** @type {number[]} */ ([])
      const hot = /** @type {number[]} */ ([])
      measured.push({ child, cpu, hot })
    }
    for (let turn = 0; turn < turns; turn++) {
      const order = rotated(measured, turn >> 1)
      for (const { child, cpu } of turn % 2 === 0 ? order : order.reverse()) {
        cpu.push(Number((await child.ask('cpu?')).microseconds))
      }
    }
    for (const { child, hot } of [...measured, ...[...measured].reverse()]) {
      await child.ask('cpu?')
      for (let sample = 1; sample < HOT; sample++) {
        hot.push(Number((await child.ask('cpu?')).microseconds))
      }
    }
    const figures = []
    for (const { child, cpu, hot } of measured) {
      const { bytes } = await child.ask('end?')
      figures.push({ cpu, hot, bytes: /** @type {number[]} */ (bytes) })
    }
    return figures
  } finally {
    for (const { child } of measured) child.end()
  }
}

/**
 * The list, beginning that many places later.
 *
 * @template Item
 * @param {readonly Item[]} list @param {number} by may be negative
 * @returns {Item[]}
 */
function rotated(list, by) {
  const begin = ((by % list.length) + list.length) % list.length
  return [...list.slice(begin), ...list.slice(0, begin)]
}

/** @param {readonly number[]} samples */
const median = (samples) => spreadOf(samples).median
