/**
 * Requests a second over real sockets, as a ratio of neighbouring moments: base, variant, base,
 * variant. Server and load stay on cores of their own where the system can pin.
 *
 * @typedef {import('./statistics.js').Spread} Spread
 * @typedef {{ variant: string, ratio: Spread, addedCpu: Spread, p99Ratio: Spread, basePerSecond: number }} HttpRow
 */
import { fileURLToPath } from 'node:url'
import { startChild } from './child.js'
import { load } from './load.js'

const WARM_UP = 3

const script = fileURLToPath(new URL('http-server.js', import.meta.url))

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
    const servers = [await serve(modulePath, base), await serve(modulePath, name)]
    try {
      const variant = name === base ? `${base} (control)` : name
      const of = `over HTTP: ${names.join()}: ${variant}`
      rows.push({ variant, ...(await compare(servers, effort, samples, of)) })
    } finally {
      for (const { child } of servers) child.end()
    }
  }
  return rows
}

/**
 * @param {Awaited<ReturnType<typeof serve>>[]} servers
 * @param {import('./effort.js').Effort} effort
 * @param {import('./samples.js').Samples} samples
 * @param {string} of
 */
async function compare([base, variant], { httpRounds, seconds }, samples, of) {
  if (base === undefined || variant === undefined) throw new Error('two servers are compared')
  // What is compiled late is compiled by then.
  await observe(base, WARM_UP * seconds)
  await observe(variant, WARM_UP * seconds)
  for (let round = 0; round < httpRounds; round++) {
    // In both orders: whoever goes second meets a warmer machine.
    const baseFirst = samples.count(`${of}: ratio`) % 2 === 0
    const first = await observe(baseFirst ? base : variant, seconds)
    const second = await observe(baseFirst ? variant : base, seconds)
    const [ofBase, ofVariant] = baseFirst ? [first, second] : [second, first]
    samples.add(`${of}: ratio`, ofVariant.perSecond / ofBase.perSecond)
    samples.add(`${of}: cpu`, ofVariant.cpu - ofBase.cpu)
    samples.add(`${of}: p99`, ofVariant.p99 / ofBase.p99)
    samples.add(`${of}: base`, ofBase.perSecond)
  }
  return {
    ratio: samples.spread(`${of}: ratio`),
    addedCpu: samples.spread(`${of}: cpu`),
    p99Ratio: samples.spread(`${of}: p99`),
    basePerSecond: samples.spread(`${of}: base`).median
  }
}

/** @param {Awaited<ReturnType<typeof serve>>} server @param {number} seconds */
async function observe(server, seconds) {
  const before = await server.cpu()
  const {
    requests,
    seconds: taken,
    p99
  } = await load(server.url, { seconds, headers: server.headers })
  const after = await server.cpu()
  return { perSecond: requests / taken, cpu: (after - before) / requests, p99 }
}

/** @param {string} modulePath @param {string} variant */
async function serve(modulePath, variant) {
  const child = await startChild([script, modulePath, variant])
  const { port, url, headers } = child.hello
  return {
    child,
    url: `http://127.0.0.1:${port}${url}`,
    headers: /** @type {Record<string, string>} */ (headers),
    /** Microseconds of CPU so far. */
    cpu: async () => Number((await child.ask('cpu?')).cpu)
  }
}
