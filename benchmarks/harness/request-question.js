/**
 * The form that all questions about the cost of a request share: the variants in process, those of
 * them that matter over HTTP, and how ours stand to their peers.
 */
import { fileURLToPath } from 'node:url'
import { compareInProcess } from './in-process.js'
import { loader } from './load.js'
import { compareOverHttp } from './over-http.js'
import { quoted } from './report.js'
import { nothing, ratioOf } from './statistics.js'

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
      const some = effort.name === 'smoke' ? http.slice(0, 1) : http
      const overHttp =
        http.length === 0 ? [] : await compareOverHttp(modulePath, [base, ...some], effort, samples)
      const figure = (
        /** @type {string} */ variant,
        /** @type {'cpu' | 'added' | 'addedBytes'} */ what
      ) => rows.find((row) => row.variant === variant)?.[what] ?? nothing
      const perSecond = (/** @type {string} */ variant) =>
        overHttp.find((row) => row.variant === variant)?.ratio ?? nothing
      const tables = [
        {
          title: 'In process: CPU and garbage a request',
          columns: ['variant', 'µs a request', `of ${base}`, 'added µs', 'added bytes'],
          rows: rows.map((row) => [
            row.variant,
            quoted(row.cpu),
            quoted(row.ofBase),
            quoted(row.added),
            quoted(row.addedBytes, 0)
          ])
        }
      ]
      if (http.length > 0) {
        tables.push({
          title: `Over HTTP, keep-alive, 50 connections (${loader})`,
          columns: ['variant', `requests a second / ${base}`, 'added CPU µs', `p99 / ${base}`],
          rows: overHttp.map((row) => [
            row.variant,
            quoted(row.ratio),
            quoted(row.addedCpu, 1),
            quoted(row.p99Ratio)
          ])
        })
      }
      if (pairs.length > 0) {
        tables.push({
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
            const ratio = ratioOf(figure(ours, 'added'), figure(peer, 'added'))
            const bytes = ratioOf(figure(ours, 'addedBytes'), figure(peer, 'addedBytes'))
            const requests = ratioOf(perSecond(ours), perSecond(peer))
            return [
              ours,
              peer,
              quoted(ratio),
              `<= ${aim}`,
              ratio.median <= aim ? 'yes' : 'no',
              quoted(bytes),
              requests === nothing ? '-' : quoted(requests)
            ]
          })
        })
      }
      if (wholes.length > 0) {
        tables.push({
          title: 'Whole requests',
          columns: ['request', 'beside', 'CPU', 'aim', 'reached'],
          rows: wholes.map(({ more, less, aim }) => {
            const ratio = ratioOf(figure(more, 'cpu'), figure(less, 'cpu'))
            return [more, less, quoted(ratio), `<= ${aim}`, ratio.median <= aim ? 'yes' : 'no']
          })
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
