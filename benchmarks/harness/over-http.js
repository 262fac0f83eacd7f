/**
 * Requests a second over real sockets, as a ratio of neighbouring moments: base, variant, base,
 * variant. Server and load stay on cores of their own where the system can pin.
 *
 * @typedef {import('./statistics.js').Spread} Spread
 * @typedef {{ variant: string, ratio: Spread, addedCpu: Spread, p99Ratio: Spread, basePerSecond: number }} HttpRow
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { load } from './load.js'
import { nodeCommand } from './nodes.js'

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
      for (const { child } of servers) child.disconnect()
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
  const [command = '', ...prefix] = nodeCommand()
  const child = spawn(command, [...prefix, script, modulePath, variant], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc']
  })
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`${variant} ended with ${code}`)
  })
  // Expected at the end, when nobody waits for a message any more.
  ended.catch(() => {})
  /** @returns {Promise<Record<string, unknown>>} */
  const message = async () => {
    const [value] = await Promise.race([once(child, 'message'), ended])
    return value
  }
  const { port, url, headers } = await message()
  return {
    child,
    url: `http://127.0.0.1:${port}${url}`,
    headers: /** @type {Record<string, string>} */ (headers),
    /** Microseconds of CPU so far. */
    cpu: async () => {
      const answer = message()
      child.send('cpu?')
      return Number((await answer).cpu)
    }
  }
}
