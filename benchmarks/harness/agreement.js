/**
 * Do two whole runs say the same? Every figure of the tables is held against the same figure of the
 * other run: they agree where the spreads meet.
 *
 * @typedef {import('./report.js').Report} Report
 * @typedef {import('./results.js').Apart} Pair
 * @typedef {import('./results.js').Comparison} Comparison
 */
import { digitsOf, isFigure, nameOf, quoted } from './cells.js'

/**
 * Of every question how many figures were compared, and those that do not agree.
 *
 * @param {readonly Report[]} first @param {readonly Report[]} second
 * @returns {Comparison}
 */
export function compared(first, second) {
  /** @type {Comparison['questions']} */
  const questions = {}
  for (const report of first) {
    const other = second.find(({ name }) => name === report.name)
    const pairs = other === undefined ? [] : pairsOf(report, other)
    if (pairs.length === 0) continue
    const apart = pairs.filter((pair) => !meet(pair))
    questions[report.name] = { effort: report.effort, figures: pairs.length, apart }
  }
  const { on } = /** @type {Report} */ (first[0])
  return { on: { ...on, versions: {} }, questions }
}

/**
 * As a section of the page.
 *
 * @param {Comparison} comparison
 * @param {readonly { name: string, title: string }[]} asked
 * @returns {Report}
 */
export function agreementOf({ on, questions }, asked) {
  const found = asked.flatMap(({ name, title }) => {
    const agreement = questions[name]
    return agreement === undefined ? [] : [{ title, ...agreement }]
  })
  const figures = found.reduce((sum, one) => sum + one.figures, 0)
  const apart = found.flatMap(({ title, apart }) => apart.map((pair) => ({ title, ...pair })))
  const isFull = found.every(({ effort }) => effort === 'full')
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
        rows: found.map(({ title, figures, apart }) => [title, figures, figures - apart.length])
      },
      ...(apart.length === 0
        ? []
        : [
            {
              title: 'Those that do not',
              columns: ['question', 'variant', 'figure', 'first run', 'second run'],
              rows: apart.map(({ title, row, column, digits, first, second }) => [
                title,
                row,
                column,
                quoted(first, digits),
                quoted(second, digits)
              ])
            }
          ])
    ]
  }
}

/** @param {Report} first @param {Report} second @returns {Pair[]} */
function pairsOf(first, second) {
  return first.tables.flatMap(({ columns, rows }, table) =>
    rows.flatMap((row, line) =>
      row.flatMap((cell, index) => {
        const other = second.tables[table]?.rows[line]?.[index]
        if (!isFigure(cell) || !isFigure(other)) return []
        const column = columns[index] ?? ''
        return {
          row: String(row[0]),
          column: nameOf(column),
          digits: digitsOf(column),
          first: cell,
          second: other
        }
      })
    )
  )
}

/** @param {Pair} pair */
function meet({ first, second }) {
  const [least = 0, , , , most = 0] = first
  const [otherLeast = 0, , , , otherMost = 0] = second
  return least <= otherMost && otherLeast <= most
}
