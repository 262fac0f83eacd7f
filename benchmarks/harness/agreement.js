/**
 * Do two whole runs say the same? Every figure of the tables that is quoted with its spread is held
 * against the same figure of the other run: they agree where the spreads meet.
 *
 * @typedef {import('./report.js').Report} Report
 * @typedef {{ question: string, row: string, column: string, first: string, second: string }} Pair
 * @typedef {{ name: string, title: string, effort: Report['effort'], figures: number, apart: Pair[] }} Question
 * @typedef {{ on: Report['on'], questions: Question[] }} Comparison
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { resultsFolder } from './report.js'

const file = new URL('agreement.json', resultsFolder)
const QUOTED = /^-?[\d.]+ \[(-?[\d.]+) \S+ (-?[\d.]+)\]$/

/**
 * Of every question how many figures were compared, and those that do not agree.
 *
 * @param {readonly Report[]} first @param {readonly Report[]} second
 * @returns {Comparison}
 */
export function compared(first, second) {
  const questions = first.flatMap((report) => {
    const { name, title, effort } = report
    const other = second.find((one) => one.name === name)
    const pairs = other === undefined ? [] : pairsOf(report, other)
    const apart = pairs.filter((pair) => !meet(pair))
    return pairs.length === 0 ? [] : [{ name, title, effort, figures: pairs.length, apart }]
  })
  const { on } = /** @type {Report} */ (first[0])
  return { on: { ...on, versions: {} }, questions }
}

/** As a section of the page. @param {Comparison} comparison @returns {Report} */
export function agreementOf({ on, questions }) {
  const sum = (/** @type {number[]} */ numbers) => numbers.reduce((one, other) => one + other, 0)
  const figures = sum(questions.map((question) => question.figures))
  const apart = questions.flatMap((question) => question.apart)
  const isFull = questions.every(({ effort }) => effort === 'full')
  return {
    name: 'agreement',
    title: 'Can it be repeated?',
    asks: 'Every question was asked in two runs, one after the other, on the same commit. A figure agrees where the spreads of both runs meet.',
    effort: isFull ? 'full' : 'short',
    on,
    tables: [
      {
        title: `${figures - apart.length} of ${figures} figures agree`,
        columns: ['question', 'figures', 'agree'],
        rows: questions.map(({ title, figures, apart }) => [title, figures, figures - apart.length])
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

/** Takes the place of what was kept about the same questions. @param {Comparison} comparison */
export function keepComparison(comparison) {
  const { questions = [] } = keptComparison() ?? {}
  const kept = questions.map((question) => {
    return comparison.questions.find(({ name }) => name === question.name) ?? question
  })
  const added = comparison.questions.filter(({ name }) => !kept.some((one) => one.name === name))
  const all = { ...comparison, questions: [...kept, ...added] }
  writeFileSync(file, `${JSON.stringify(all, null, 2)}\n`)
}

/** What was kept of the last comparison, if there was one. @returns {Comparison | undefined} */
export function keptComparison() {
  if (!readdirSync(resultsFolder).includes('agreement.json')) return undefined
  return JSON.parse(readFileSync(file, 'utf8'))
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
