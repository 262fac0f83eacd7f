/**
 * Do two whole runs say the same? Every figure of the tables that is quoted with its spread is held
 * against the same figure of the other run: they agree where the spreads meet.
 *
 * @typedef {import('./report.js').Report} Report
 * @typedef {{ question: string, row: string, column: string, first: string, second: string }} Pair
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { resultsFolder } from './report.js'

const file = new URL('agreement.json', resultsFolder)
const QUOTED = /^-?[\d.]+ \[(-?[\d.]+) \S+ (-?[\d.]+)\]$/

/** @param {readonly Report[]} first @param {readonly Report[]} second @returns {Report} */
export function agreementOf(first, second) {
  const pairs = first.flatMap((report) => {
    const other = second.find(({ name }) => name === report.name)
    return other === undefined ? [] : pairsOf(report, other)
  })
  const apart = pairs.filter((pair) => !meet(pair))
  const { effort, on } = /** @type {Report} */ (first[0])
  return {
    name: 'agreement',
    title: 'Can it be repeated?',
    asks: 'Two whole runs, one after the other, on the same commit. A figure agrees where the spreads of both runs meet.',
    effort,
    on: { ...on, versions: {} },
    tables: [
      {
        title: `${pairs.length - apart.length} of ${pairs.length} figures agree`,
        columns: ['question', 'figures', 'agree'],
        rows: first.map(({ name, title }) => {
          const own = pairs.filter(({ question }) => question === name)
          return [title, own.length, own.filter(meet).length]
        })
      },
      ...(apart.length === 0
        ? []
        : [
            {
              title: 'Those that do not',
              columns: ['question', 'variant', 'figure', 'first run', 'second run'],
              rows: apart.map((pair) => Object.values(pair))
            }
          ])
    ]
  }
}

/** @param {Report} report */
export function keepAgreement(report) {
  writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`)
}

/** What was kept of the last comparison, if there was one. @returns {Report[]} */
export function keptAgreement() {
  return readdirSync(resultsFolder).includes('agreement.json')
    ? [JSON.parse(readFileSync(file, 'utf8'))]
    : []
}

/** @param {Report} first @param {Report} second @returns {Pair[]} */
function pairsOf(first, second) {
  return first.tables.flatMap(({ columns, rows }, table) =>
    rows.flatMap((row, line) =>
      row.flatMap((cell, index) => {
        const other = second.tables[table]?.rows[line]?.[index]
        if (!QUOTED.test(String(cell)) || other === undefined) return []
        return {
          question: first.name,
          row: String(row[0]),
          column: columns[index] ?? '',
          first: String(cell),
          second: String(other)
        }
      })
    )
  )
}

/** @param {Pair} pair */
function meet({ first, second }) {
  const [one, two] = [boundsOf(first), boundsOf(second)]
  return one.least <= two.most && two.least <= one.most
}

/** @param {string} cell */
function boundsOf(cell) {
  const [, least, most] = QUOTED.exec(cell) ?? []
  return { least: Number(least), most: Number(most) }
}
