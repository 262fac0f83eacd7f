/**
 * Requests a second over real sockets, of a variant and the base under load at the same time, so that
 * what slows down one slows down the other. Where the system can pin, both servers share one core,
 * half of it each, and their clients share another.
 *
 * @typedef {import('./statistics.js').Spread} Spread
 * @typedef {import('./served.js').Served} Served
 * @typedef {{ variant: string, ratio: Spread, addedCpu: Spread, p99Ratio: Spread }} HttpRow
 */
import { load } from './load.js'
import { serve } from './served.js'

const WARM_UP = 3
/** Half a core each: as many requests as one alone would answer in one. */
const TOGETHER = 2

/**
 * @param {string} modulePath absolute path of the module that exports `variants`
 * @param {readonly string[]} names the first is the base; it is also compared with itself, as control
 * @param {import('./effort.js').Effort} effort
 * @param {import('./samples.js').Samples} samples of this run so far; it adds to them
 * @returns {Promise<HttpRow[]>}
 */
export async function compareOverHttp(modulePath, names, effort, samples) {
  const [base = ''] = names
  const rows = []
  for (const name of names) {
    const variant = name === base ? `${base} (control)` : name
    const of = `over HTTP: ${names.join()}: ${variant}`
    // Who starts first is a little faster for as long as both run.
    for (const baseFirst of [true, false]) {
      const pair = baseFirst ? [base, name] : [name, base]
      for (const [one, other] of await observePair(modulePath, pair, effort)) {
        const [ofBase, ofVariant] = baseFirst ? [one, other] : [other, one]
        samples.add(`${of}: ratio`, ofVariant.perSecond / ofBase.perSecond)
        samples.add(`${of}: cpu`, ofVariant.cpu - ofBase.cpu)
        samples.add(`${of}: p99`, ofVariant.p99 / ofBase.p99)
      }
    }
    rows.push({
      variant,
      ratio: samples.spread(`${of}: ratio`),
      addedCpu: samples.spread(`${of}: cpu`),
      p99Ratio: samples.spread(`${of}: p99`)
    })
  }
  return rows
}

/**
 * Two fresh servers, looked at as often as the effort says.
 *
 * @param {string} modulePath
 * @param {readonly string[]} pair of variants, in the order of their start
 * @param {import('./effort.js').Effort} effort
 */
async function observePair(modulePath, [one = '', other = ''], { httpRounds, seconds }) {
  const first = await serve(modulePath, one)
  try {
    const second = await serve(modulePath, other)
    try {
      const together = (/** @type {number} */ seconds) =>
        Promise.all([observe(first, TOGETHER * seconds), observe(second, TOGETHER * seconds)])
      // What is compiled late is compiled by then.
      await together(WARM_UP * seconds)
      const observed = []
      for (let round = 0; round < httpRounds; round++) observed.push(await together(seconds))
      return observed
    } finally {
      second.child.end()
    }
  } finally {
    first.child.end()
  }
}

/** @param {Served} server @param {number} seconds */
async function observe({ url, headers, cpu }, seconds) {
  const before = await cpu()
  const { requests, seconds: taken, p99 } = await load(url, { seconds, headers })
  const after = await cpu()
  const spent = after.user + after.system - before.user - before.system
  return { perSecond: requests / taken, cpu: spent / requests, p99 }
}
