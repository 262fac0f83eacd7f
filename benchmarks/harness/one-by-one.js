/**
 * What a variant adds over real sockets when it has a core to itself and the load has another: at full load,
 * and at a constant rate below that, where the server is woken for almost every request.
 *
 * @typedef {import('./statistics.js').Spread} Spread
 * @typedef {{ cpu: Spread, added: Spread, addedUser: Spread, addedSystem: Spread, perSecond: Spread, ofBase: Spread, p99: Spread }} Look
 *   microseconds of CPU a request, requests answered a second, milliseconds
 * @typedef {{ variant: string, full: Look, constant: Look }} Row
 */
import { constantLoad, load } from './load.js'
import { serve } from './served.js'
import { spreadOf } from './statistics.js'

/** Below what any variant can answer on one core. */
export const PER_SECOND = 6000

/**
 * A round starts a fresh process of each variant, one after the other, every second time in reverse. "Added" is
 * what a process took more than the median of all those of the base.
 *
 * @param {string} modulePath absolute path of the module that exports `variants`
 * @param {readonly string[]} names the first is the base; it is there twice, and the second one is the control
 * @param {import('./effort.js').Effort} effort
 * @param {import('./samples.js').Samples} samples of this run so far; it adds to them
 * @returns {Promise<Row[]>}
 */
export async function compareOneByOne(modulePath, names, effort, samples) {
  const [base = '', ...others] = names
  const control = `${base} (control)`
  const order = [base, control, ...others]
  const of = (/** @type {string} */ name, /** @type {string} */ load, /** @type {string} */ what) =>
    `one by one: ${names.join()}: ${name}: ${load}: ${what}`
  for (let round = 0; round < effort.processes; round++) {
    const isReversed = samples.count(of(base, 'full', 'cpu')) % 2 === 1
    for (const name of isReversed ? [...order].reverse() : order) {
      const looks = await observe(modulePath, name === control ? base : name, effort)
      for (const [load, look] of Object.entries(looks)) {
        for (const [what, value] of Object.entries(look)) samples.add(of(name, load, what), value)
      }
    }
  }
  const look = (/** @type {string} */ name, /** @type {'full' | 'constant'} */ load) => {
    const spread = (/** @type {string} */ what) => samples.spread(of(name, load, what))
    const ofBase = (/** @type {string} */ what) => {
      const both = [base, control].flatMap((name) => samples.spread(of(name, load, what)).samples)
      return spreadOf(both).median
    }
    const added = (/** @type {string} */ what) =>
      spreadOf(spread(what).samples.map((sample) => sample - ofBase(what)))
    return {
      cpu: spread('cpu'),
      added: added('cpu'),
      addedUser: added('user'),
      addedSystem: added('system'),
      perSecond: spread('perSecond'),
      ofBase: spreadOf(spread('perSecond').samples.map((sample) => sample / ofBase('perSecond'))),
      p99: spread('p99')
    }
  }
  return order.map((variant) => ({
    variant,
    full: look(variant, 'full'),
    constant: look(variant, 'constant')
  }))
}

/**
 * One process.
 *
 * @param {string} modulePath @param {string} variant @param {import('./effort.js').Effort} effort
 */
async function observe(modulePath, variant, { warmUpSeconds, lookSeconds: seconds }) {
  const { child, url, headers, cpu } = await serve(modulePath, variant)
  /** @param {() => Promise<import('./load.js').Load>} send */
  const look = async (send) => {
    const before = await cpu()
    const { requests, seconds, p99, failures } = await send()
    const after = await cpu()
    if (failures > 0) throw new Error(`${variant}: ${failures} of ${requests} requests failed`)
    const user = (after.user - before.user) / requests
    const system = (after.system - before.system) / requests
    return { cpu: user + system, user, system, perSecond: requests / seconds, p99 }
  }
  try {
    if (warmUpSeconds > 0) await load(url, { seconds: warmUpSeconds, headers })
    return {
      full: await look(() => load(url, { seconds, headers })),
      constant: await look(() => constantLoad(url, { perSecond: PER_SECOND, seconds }))
    }
  } finally {
    child.end()
  }
}
