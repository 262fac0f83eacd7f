/**
 * One flood, and one load that a service can bear, each in a fresh process, as the figures that are told of it.
 *
 * @typedef {import('./flood.js').Service} Service
 * @typedef {NonNullable<Parameters<typeof flood>[2]>} How
 */
import { work } from '../variants/names.js'
import { flood } from './flood.js'
import { percentile } from './statistics.js'

/** What each work can do in a second, by its definition. @type {Record<string, number>} */
const CAPACITY = { [work.cpu]: 190, [work.halves]: 190, [work.io]: 400, [work.slower]: 400 }
/** Milliseconds of a slot. */
const SLOT = 250
const SERVED = 0.95

/**
 * A second of half of what the service can do, the flood, and half of it again.
 *
 * @param {Service} service @param {number} factor @param {number} seconds @param {How} how
 * @returns {Promise<Record<string, number> | undefined>} `undefined` where it cannot be had
 */
export async function observeFlood(service, factor, seconds, how) {
  const capacity = Number(CAPACITY[service.work]) * (how.quota ?? 1)
  const results = await flood(
    service,
    [
      { name: 'before', rate: capacity / 2, seconds: 1 },
      { name: 'flood', rate: capacity * factor, seconds },
      { name: 'after', rate: capacity / 2, seconds: Math.min(3, seconds) }
    ],
    how
  )
  if (results === undefined) return undefined
  const [, during, after] = results
  if (during === undefined || after === undefined)
    throw new Error(`${service.protection}: no results`)
  const critical = during.kinds['critical']
  /** @type {Record<string, number>} */
  const figures = {
    goodput: during.good / during.seconds / capacity,
    critical: critical === undefined ? 0 : critical.good / critical.sent,
    recovery: recoveryOf(after)
  }
  if (during.latencies.length > 0) figures['p99'] = percentile(during.latencies, 0.99)
  if (during.refusals.length > 0) figures['refusal'] = percentile(during.refusals, 0.5)
  return figures
}

/** Milliseconds until 95 of 100 are served; all of the time when that never was. @param {import('./flood.js').PhaseResult} after */
function recoveryOf({ slots, seconds }) {
  const first = slots.findIndex((slot) => slot && slot.good >= SERVED * slot.sent)
  return first < 0 ? seconds * 1000 : first * SLOT
}

/**
 * Seven tenths of what the service can do, from its first moment on. Of a dependency that becomes slower half of
 * what it could do, for clients that wait.
 *
 * @param {Service} service @param {number} seconds
 * @returns {Promise<Record<string, number>>} `late`: refused more than three seconds after the change
 */
export async function observeSteady(service, seconds) {
  const isSlower = service.work === work.slower
  const rate = Number(CAPACITY[service.work]) * (isSlower ? 0.5 : 0.7)
  const deadline = isSlower ? 5000 : 1000
  const [result] = (await flood(service, [{ name: 'steady', rate, seconds }], { deadline })) ?? []
  if (result === undefined || result.sent === 0) throw new Error(`${service.work}: no results`)
  // The change is five seconds after the start of the process; the load begins a little later.
  const changed = ((isSlower ? 5 : 0) + 3) * 1000
  const late = result.slots
    .slice(changed / SLOT)
    .reduce((sum, slot) => sum + (slot?.refused ?? 0), 0)
  return { refused: result.refused / result.sent, late }
}
