/**
 * The form that all questions about the cost of a request share: the variants in process, those of
 * them that matter over HTTP, and how ours stand to their peers.
 */
import { fileURLToPath } from 'node:url'
import { compareInProcess } from './in-process.js'
import { loader } from './load.js'
import { compareOverHttp } from './over-http.js'
import { fixed, quoted } from './report.js'

const modulePath = fileURLToPath(new URL('../variants/request-path.js', import.meta.url))

/**
 * @param {{
 *   name: string,
 *   title: string,
 *   asks: string,
 *   versions?: string[],
 *   variants: string[],
 *   base?: string,
 *   wholes?: { more: string, less: string, aim: number }[],
 *   pairs?: { ours: string, peer: string, aim: number }[],
 *   http?: string[]
 * }} question `base` is what "added" is counted from; `aim` is the ratio to the peer we mean to reach; `wholes`
 *   compares whole requests, the base included
 * @returns {import('./report.js').Question}
 */
export function requestQuestion({
  name,
  title,
  asks,
  versions = [],
  variants,
  base = 'bare',
  pairs = [],
  wholes = [],
  http = []
}) {
  return {
    name,
    title,
    asks,
    versions: ['fastify', ...versions],
    async run(effort, samples) {
      const rows = compareInProcess(modulePath, [base, ...variants], effort, samples)
      const added = (/** @type {string} */ variant) =>
        rows.find((row) => row.variant === variant)?.added.median ?? 0
      const garbage = (/** @type {string} */ variant) =>
        rows.find((row) => row.variant === variant)?.addedBytes ?? 0
      const tables = [
        {
          title: 'In process: added CPU and garbage a request',
          columns: ['variant', 'µs a request', 'added µs', 'added bytes'],
          rows: rows.map((row) => [
            row.variant,
            quoted(row.cpu),
            quoted(row.added),
            Math.round(row.addedBytes).toString()
          ])
        }
      ]
      if (pairs.length > 0) {
        tables.push({
          title: 'Beside the peer',
          columns: [
            'ours',
            'peer',
            'added CPU, ours / peer',
            'aim',
            'garbage, ours / peer',
            'reached'
          ],
          rows: pairs.map(({ ours, peer, aim }) => {
            const ratio = added(ours) / added(peer)
            const bytes = garbage(ours) / garbage(peer)
            return [
              ours,
              peer,
              fixed(ratio),
              `<= ${aim}`,
              fixed(bytes),
              ratio <= aim ? 'yes' : 'no'
            ]
          })
        })
      }
      if (wholes.length > 0) {
        const cost = (/** @type {string} */ variant) =>
          rows.find((row) => row.variant === variant)?.cpu.median ?? 0
        tables.push({
          title: 'Whole requests',
          columns: ['request', 'beside', 'CPU', 'aim', 'reached'],
          rows: wholes.map(({ more, less, aim }) => {
            const ratio = cost(more) / cost(less)
            return [more, less, fixed(ratio), `<= ${aim}`, ratio <= aim ? 'yes' : 'no']
          })
        })
      }
      if (http.length > 0) {
        const some = effort.name === 'smoke' ? http.slice(0, 1) : http
        const overHttp = await compareOverHttp(modulePath, [base, ...some], effort, samples)
        tables.push({
          title: `Over HTTP, keep-alive, 50 connections (${loader})`,
          columns: ['variant', `requests a second / ${base}`, 'added CPU µs', 'p99 / base'],
          rows: overHttp.map((row) => [
            row.variant,
            quoted(row.ratio),
            quoted(row.addedCpu, 1),
            quoted(row.p99Ratio)
          ])
        })
      }
      const plots = [
        {
          name,
          title: `${title}: added CPU a request`,
          unit: 'µs',
          bars: rows.slice(1).map(({ variant, added: { median, lower, upper } }) => ({
            label: variant,
            value: median,
            lower,
            upper
          }))
        }
      ]
      return { tables, plots }
    }
  }
}
