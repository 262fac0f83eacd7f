/**
 * The form that all questions about the cost of a request share: the variants in process, those of
 * them that matter over HTTP, and how ours stand to their peers.
 */
import { fileURLToPath } from 'node:url'
import { onRequestPath } from '../variants/names.js'
import { compareInProcess } from './in-process.js'
import { compareOverHttp } from './over-http.js'
import { costTable, httpTable, pairsTable, slowedTable, wholesTable } from './request-tables.js'

/** The column of the table of costs that is drawn. */
const HOT = 4

const modulePath = fileURLToPath(new URL('../variants/request-path.js', import.meta.url))

/**
 * @param {{
 *   name: string,
 *   title: string,
 *   asks: string,
 *   versions?: string[],
 *   variants: string[],
 *   base?: string,
 *   pairs?: import('./request-tables.js').Pair[],
 *   wholes?: import('./request-tables.js').Whole[],
 *   slowed?: import('./request-tables.js').Slowed[],
 *   http?: string[],
 *   plot?: string,
 *   background?: string
 * }} question `base` is what "added" is counted from; `aim` is the ratio to the peer we mean to reach, hot;
 *   `plot` is the title of a plot of what each adds, if there is one
 * @returns {import('./report.js').Question}
 */
export function requestQuestion({
  name,
  title,
  asks,
  versions = [],
  variants,
  base = onRequestPath.bare,
  pairs = [],
  wholes = [],
  slowed = [],
  http = [],
  plot,
  background
}) {
  return {
    name,
    title,
    asks,
    versions: ['fastify', ...versions],
    ...(background !== undefined && { background }),
    async run(effort, samples) {
      const rows = await compareInProcess(modulePath, [base, ...variants], effort, samples)
      const some = effort.name === 'smoke' ? http.slice(0, 1) : http
      const overHttp =
        http.length === 0 ? [] : await compareOverHttp(modulePath, [base, ...some], effort, samples)
      const tables = [costTable(rows)]
      if (slowed.length > 0) tables.push(slowedTable(slowed, rows))
      if (http.length > 0) tables.push(httpTable(overHttp, base))
      if (pairs.length > 0) tables.push(pairsTable(pairs, rows, overHttp))
      if (wholes.length > 0) tables.push(wholesTable(wholes, rows))
      const plots =
        plot === undefined ? [] : [{ name, title: plot, unit: 'µs', table: 0, column: HOT }]
      return { tables, plots }
    }
  }
}
