/**
 * The tables of a question about the cost of a request.
 *
 * @typedef {import('./in-process.js').Row} Row
 * @typedef {import('./over-http.js').HttpRow} HttpRow
 * @typedef {import('./report.js').Table} Table
 * @typedef {{ ours: string, peer: string, aim: number }} Pair what both add is compared
 * @typedef {{ more: string, less: string, aim: number }} Whole whole requests are compared, the base included
 * @typedef {{ slow: string, beside: string }} Slowed a variant that is slower than the other on purpose
 */
import { loader } from './load.js'
import { quoted } from './report.js'
import { differenceOf, nothing, ratioOf } from './statistics.js'

/** @param {readonly Row[]} rows @returns {Table} */
export function costTable(rows) {
  return {
    title: 'In process: CPU and garbage a request',
    columns: ['variant', 'µs a request', `of ${rows[0]?.variant}`, 'added µs', 'added bytes'],
    rows: rows.map((row) => [
      row.variant,
      quoted(row.cpu),
      quoted(row.ofBase),
      quoted(row.added),
      quoted(row.addedBytes, 0)
    ])
  }
}

/** @param {readonly HttpRow[]} overHttp @param {string} base @returns {Table} */
export function httpTable(overHttp, base) {
  return {
    title: `Over HTTP, keep-alive, 50 connections (${loader})`,
    columns: ['variant', `requests a second / ${base}`, 'added CPU µs', `p99 / ${base}`],
    rows: overHttp.map((row) => [
      row.variant,
      quoted(row.ratio),
      quoted(row.addedCpu, 1),
      quoted(row.p99Ratio)
    ])
  }
}

/** @param {readonly Pair[]} pairs @param {readonly Row[]} rows @param {readonly HttpRow[]} overHttp @returns {Table} */
export function pairsTable(pairs, rows, overHttp) {
  return {
    title: 'Ours / the peer',
    columns: [
      'ours',
      'peer',
      'added CPU',
      'aim',
      'reached',
      'garbage',
      'requests a second over HTTP'
    ],
    rows: pairs.map(({ ours, peer, aim }) => {
      const cpu = ratioOf(figure(rows, ours, 'added'), figure(rows, peer, 'added'))
      const bytes = ratioOf(figure(rows, ours, 'addedBytes'), figure(rows, peer, 'addedBytes'))
      const requests = ratioOf(perSecond(overHttp, ours), perSecond(overHttp, peer))
      const reached = cpu.median <= aim ? 'yes' : 'no'
      const overSockets = requests === nothing ? '-' : quoted(requests)
      return [ours, peer, quoted(cpu), `<= ${aim}`, reached, quoted(bytes), overSockets]
    })
  }
}

/** @param {readonly Whole[]} wholes @param {readonly Row[]} rows @returns {Table} */
export function wholesTable(wholes, rows) {
  return {
    title: 'Whole requests',
    columns: ['request', 'beside', 'CPU', 'aim', 'reached'],
    rows: wholes.map(({ more, less, aim }) => {
      const ratio = ratioOf(figure(rows, more, 'cpu'), figure(rows, less, 'cpu'))
      return [more, less, quoted(ratio), `<= ${aim}`, ratio.median <= aim ? 'yes' : 'no']
    })
  }
}

/**
 * It is seen where the brackets do not meet the control's: where the least that it took more is more
 * than the most that the control added.
 *
 * @param {readonly Slowed[]} slowed @param {readonly Row[]} rows @returns {Table}
 */
export function slowedTable(slowed, rows) {
  const control = rows[1]?.added ?? nothing
  return {
    title: 'Is a slow-down on purpose seen?',
    columns: ['variant', 'beside', 'µs more', 'the control, µs more', 'seen'],
    rows: slowed.map(({ slow, beside }) => {
      const more = differenceOf(figure(rows, slow, 'added'), figure(rows, beside, 'added'))
      const seen = more.least > control.most ? 'yes' : 'no'
      return [slow, beside, quoted(more), quoted(control), seen]
    })
  }
}

/** @param {readonly Row[]} rows @param {string} variant @param {'cpu' | 'added' | 'addedBytes'} what */
const figure = (rows, variant, what) =>
  rows.find((row) => row.variant === variant)?.[what] ?? nothing

/** @param {readonly HttpRow[]} overHttp @param {string} variant */
const perSecond = (overHttp, variant) =>
  overHttp.find((row) => row.variant === variant)?.ratio ?? nothing
