/**
 * What stands in a table is kept as numbers, and becomes text only here.
 *
 * @typedef {readonly number[]} Figure least, lower quartile, median, upper quartile, most
 * @typedef {{ atMost: number } | { atLeast: number }} Aim for the nearest figure or number on its left
 * @typedef {string | number | Figure | Aim} Cell
 * @typedef {string | { name: string, digits: number }} Column figures have two digits if it names no other number
 * @typedef {{ title: string, columns: Column[], rows: Cell[][] }} Table
 */
const DIGITS = 2
/** Enough for every column, and short enough to be read in the file. */
const KEPT_DIGITS = 5

/** @param {import('./statistics.js').Spread} spread @returns {Figure} */
export const figureOf = ({ least, lower, median, upper, most }) =>
  [least, lower, median, upper, most].map((value) => Number(value.toPrecision(KEPT_DIGITS)))

/** @param {Cell | undefined} cell @returns {cell is Figure} */
export const isFigure = (cell) => Array.isArray(cell)

/** @param {Column} column */
export const nameOf = (column) => (typeof column === 'string' ? column : column.name)

/** @param {Column | undefined} column */
export const digitsOf = (column) => (typeof column === 'object' ? column.digits : DIGITS)

/** All cells of a table as text, its head first. @param {Table} table */
export function textsOf({ columns, rows }) {
  return [
    columns.map(nameOf),
    ...rows.map((row) =>
      row.map((cell, index) => textOf(cell, columns[index], row.slice(0, index)))
    )
  ]
}

/** @param {Cell} cell @param {Column | undefined} column @param {readonly Cell[]} left */
function textOf(cell, column, left) {
  if (typeof cell !== 'object') return String(cell)
  if (isFigure(cell)) return quoted(cell, digitsOf(column))
  const judged = left.findLast((other) => isFigure(other) || typeof other === 'number')
  const value = Number(isFigure(judged) ? judged[2] : judged)
  const [bound, reached] =
    'atMost' in cell
      ? [`<= ${cell.atMost}`, value <= cell.atMost]
      : [`>= ${cell.atLeast}`, value >= cell.atLeast]
  return `${bound}: ${reached ? 'yes' : 'no'}`
}

/** As "median [least lower..upper most]". @param {Figure} figure @param {number} digits */
export function quoted(figure, digits) {
  const [least, lower, median, upper, most] = figure.map((value) => value.toFixed(digits))
  return `${median} [${least} ${lower}..${upper} ${most}]`
}
