/**
 * The tables of a question about the cost of a request.
 *
 * @typedef {import('./in-process.js').Row} Row
 * @typedef {import('./over-http.js').HttpRow} HttpRow
 * @typedef {import('./cells.js').Table} Table
 * @typedef {{ ours: string, peer: string, aim: number }} Pair what both add is compared
 * @typedef {{ more: string, less: string, aim: number }} Whole whole requests are compared, the base included
 * @typedef {{ slow: string, beside: string }} Slowed a variant that is slower than the other on purpose
 */
import { figureOf } from './cells.js'
import { loader } from './load.js'
import { differenceOf, nothing, ratioOf } from './statistics.js'

/** @param {readonly Row[]} rows @returns {Table} */
export function costTable(rows) {
  return {
    title: 'In process: CPU and garbage a request',
    columns: [
      'variant',
      'µs a request',
      `of ${rows[0]?.variant}`,
      'added µs, in turn',
      'added µs, hot',
      { name: 'added bytes', digits: 0 }
    ],
    rows: rows.map((row, index) => [
      row.variant,
      figureOf(row.cpu),
      ...(index === 0
        ? ['-', '-', '-', '-']
        : [row.ofBase, row.added, row.hot, row.addedBytes].map(figureOf))
    ])
  }
}

/** @param {readonly HttpRow[]} overHttp @param {string} base @returns {Table} */
export function httpTable(overHttp, base) {
  return {
    title: `Over HTTP, keep-alive, 50 connections (${loader})`,
    columns: [
      'variant',
      `requests a second / ${base}`,
      { name: 'added CPU µs', digits: 1 },
      `p99 / ${base}`
    ],
    rows: overHttp.map((row) => [
      row.variant,
      ...[row.ratio, row.addedCpu, row.p99Ratio].map(figureOf)
    ])
  }
}

/**
 * The aim is for the hot figure: in turns every variant pays for cold caches as well.
 *
 * @param {readonly Pair[]} pairs @param {readonly Row[]} rows @param {readonly HttpRow[]} overHttp @returns {Table}
 */
export function pairsTable(pairs, rows, overHttp) {
  const overSockets = overHttp.length > 0 ? ['requests a second over HTTP'] : []
  return {
    title: 'Ours / the peer',
    columns: [
      'ours',
      'peer',
      'added CPU, in turn',
      'added CPU, hot',
      'aim',
      'garbage',
      ...overSockets
    ],
    rows: pairs.map(({ ours, peer, aim }) => {
      const beside = (/** @type {'added' | 'hot' | 'addedBytes'} */ what) =>
        figureOf(ratioOf(figure(rows, ours, what), figure(rows, peer, what)))
      const requests = ratioOf(perSecond(overHttp, ours), perSecond(overHttp, peer))
      return [
        ours,
        peer,
        beside('added'),
        beside('hot'),
        { atMost: aim },
        beside('addedBytes'),
        ...overSockets.map(() => figureOf(requests))
      ]
    })
  }
}

/** @param {readonly Whole[]} wholes @param {readonly Row[]} rows @returns {Table} */
export function wholesTable(wholes, rows) {
  return {
    title: 'Whole requests',
    columns: ['request', 'beside', 'CPU', 'aim'],
    rows: wholes.map(({ more, less, aim }) => {
      const ratio = ratioOf(figure(rows, more, 'cpu'), figure(rows, less, 'cpu'))
      return [more, less, figureOf(ratio), { atMost: aim }]
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
      return [slow, beside, figureOf(more), figureOf(control), seen]
    })
  }
}

/** @param {readonly Row[]} rows @param {string} variant @param {'cpu' | 'added' | 'hot' | 'addedBytes'} what */
const figure = (rows, variant, what) =>
  rows.find((row) => row.variant === variant)?.[what] ?? nothing

/** @param {readonly HttpRow[]} overHttp @param {string} variant */
const perSecond = (overHttp, variant) =>
  overHttp.find((row) => row.variant === variant)?.ratio ?? nothing
