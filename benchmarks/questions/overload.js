import { figureOf } from '../harness/cells.js'
import { flood } from '../harness/flood.js'
import { protection, work } from '../variants/names.js'

/** What each work can do in a second, by its definition. */
const CAPACITY = { [work.cpu]: 190, [work.io]: 400 }
const FACTORS = [2, 5, 10]
const { none, loadShedding, underPressure, underPressureTuned, overloadProtection, tooBusy, cap } =
  protection
const PROTECTIONS = [
  none,
  underPressure,
  underPressureTuned,
  overloadProtection,
  tooBusy,
  cap,
  loadShedding
]

/** @type {import('../harness/report.js').Question} */
export const overload = {
  name: 'overload',
  title: 'A flood',
  asks: 'Two, five and ten times what a service can do, at random moments, over 400 connections that are open already; clients that wait for one second. How much of what the service can do is answered in time, which requests are these, and how long until all is well again?',
  versions: ['fastify', '@fastify/under-pressure', 'overload-protection', 'toobusy-js'],
  async run(effort, samples) {
    const isSmoke = effort.name === 'smoke'
    const protections = isSmoke ? [loadShedding] : PROTECTIONS
    const factors = isSmoke ? [5] : FACTORS
    const works = isSmoke ? [work.cpu] : [work.cpu, work.io]
    for (const kind of works) {
      for (const factor of factors) {
        for (const name of protections) await observe(name, kind, factor, isSmoke, samples)
      }
    }
    return {
      tables: works.map((kind) => tableOf(kind, protections, factors, samples)),
      plots: isSmoke
        ? []
        : [
            {
              name: 'overload',
              title: 'Answered in time at five times what the CPU can do',
              unit: 'of what it can do',
              table: 0,
              column: 2
            }
          ]
    }
  }
}

/**
 * @param {string} kind of work
 * @param {string[]} protections
 * @param {number[]} factors
 * @param {import('../harness/samples.js').Samples} samples
 */
function tableOf(kind, protections, factors, samples) {
  const middle = factors.includes(5) ? 5 : Number(factors[0])
  return {
    title: `${kind}: the share of what it can do that was answered in time; at ${middle} times that, what it meant to clients`,
    columns: [
      'protection',
      ...factors.map((factor) => `at ${factor}x`),
      'critical served',
      { name: 'p99 of the served, ms', digits: 0 },
      { name: 'median of the refused, ms', digits: 0 },
      { name: 'well again after, ms', digits: 0 }
    ],
    rows: protections.map((name) => {
      const figure = (/** @type {number} */ factor, /** @type {string} */ what) =>
        figureOf(samples.spread(nameOf(name, kind, factor, what)))
      return [
        name,
        ...factors.map((factor) => figure(factor, 'goodput')),
        ...['critical', 'p99', 'refusal', 'recovery'].map((what) => figure(middle, what))
      ]
    })
  }
}

/** @param {string} name @param {string} kind @param {number} factor @param {string} what */
const nameOf = (name, kind, factor, what) => `overload: ${name}: ${kind}: ${factor}: ${what}`

/**
 * @param {string} name of a protection
 * @param {string} kind of work
 * @param {number} factor
 * @param {boolean} isSmoke
 * @param {import('../harness/samples.js').Samples} samples
 */
async function observe(name, kind, factor, isSmoke, samples) {
  const capacity = Number(CAPACITY[kind])
  const [, during, after] = await flood(
    [name, kind],
    [
      { name: 'before', rate: capacity / 2, seconds: 1 },
      { name: 'flood', rate: capacity * factor, seconds: isSmoke ? 2 : 8 },
      { name: 'after', rate: capacity / 2, seconds: isSmoke ? 1 : 3 }
    ]
  )
  if (during === undefined || after === undefined) throw new Error(`${name}: no results`)
  const add = (/** @type {string} */ what, /** @type {number} */ value) =>
    samples.add(nameOf(name, kind, factor, what), value)
  const critical = during.kinds['critical']
  add('goodput', during.good / during.seconds / capacity)
  add('critical', critical === undefined ? 0 : critical.good / critical.sent)
  add('p99', quantile(during.latencies, 0.99))
  add('refusal', quantile(during.refusals, 0.5))
  add('recovery', recoveryOf(after))
}

/** Milliseconds until 95 of 100 are served; all of the time when that never was. @param {import('../harness/flood.js').PhaseResult} after */
function recoveryOf({ slots, seconds }) {
  const first = slots.findIndex(({ good, sent }) => good >= 0.95 * sent)
  return first < 0 ? seconds * 1000 : first * 250
}

/** @param {number[]} values @param {number} share 0 when there is none */
function quantile(values, share) {
  const sorted = [...values].sort((one, other) => one - other)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
}
