/**
 * Requests a second over real sockets, of a variant and the base under load at the same time, so that
 * what slows down one slows down the other. Where the system can pin, both servers share one core,
 * half of it each, and their clients share another.
 *
 * @typedef {import('./statistics.js').Spread} Spread
 * @typedef {{ variant: string, ratio: Spread, addedCpu: Spread, p99Ratio: Spread }} HttpRow
 */
import { fileURLToPath } from 'node:url'
import { startChild } from './child.js'
import { load } from './load.js'

const WARM_UP = 3
/** Half a core each: as many requests as one alone would answer in one. */
const TOGETHER = 2

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
  await observe([base, variant], TOGETHER * WARM_UP * seconds)
  for (let round = 0; round < httpRounds; round++) {
    const [ofBase, ofVariant] = await observe([base, variant], TOGETHER * seconds)
    if (ofBase === undefined || ofVariant === undefined) throw new Error('two were observed')
    samples.add(`${of}: ratio`, ofVariant.perSecond / ofBase.perSecond)
    samples.add(`${of}: cpu`, ofVariant.cpu - ofBase.cpu)
    samples.add(`${of}: p99`, ofVariant.p99 / ofBase.p99)
  }
  return {
    ratio: samples.spread(`${of}: ratio`),
    addedCpu: samples.spread(`${of}: cpu`),
    p99Ratio: samples.spread(`${of}: p99`)
  }
}

/** @param {Awaited<ReturnType<typeof serve>>[]} servers @param {number} seconds */
function observe(servers, seconds) {
  return Promise.all(
    servers.map(async ({ url, headers, cpu }) => {
      const before = await cpu()
      const { requests, seconds: taken, p99 } = await load(url, { seconds, headers })
      const after = await cpu()
      return { perSecond: requests / taken, cpu: (after - before) / requests, p99 }
    })
  )
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
