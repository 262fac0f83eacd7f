/**
 * Everything that is kept, in one file of numbers: what each question found last, and how two runs compared.
 *
 * @typedef {import('./report.js').Kept} Kept
 * @typedef {import('./cells.js').Figure} Figure
 * @typedef {{ row: string, column: string, digits: number, first: Figure, second: Figure }} Apart
 * @typedef {{ effort: string, figures: number, apart: Apart[] }} Agreement
 * @typedef {{ on: Kept['on'], questions: Record<string, Agreement> }} Comparison
 * @typedef {{ questions: Record<string, Kept>, comparison?: Comparison }} Results
 */
import { readFileSync, writeFileSync } from 'node:fs'

const file = new URL('../results.json', import.meta.url)

/** @returns {Results} */
export function keptResults() {
  return JSON.parse(readFileSync(file, 'utf8'))
}

/** Each takes the place of what was kept about its question. @param {readonly import('./report.js').Report[]} reports */
export function keepReports(reports) {
  const results = keptResults()
  for (const { name, title: _title, asks: _asks, ...kept } of reports) {
    results.questions[name] = kept
  }
  write(results)
}

/** Takes the place of what was kept about the same questions. @param {Comparison} comparison */
export function keepComparison({ on, questions }) {
  const results = keptResults()
  const kept = { ...results.comparison?.questions, ...questions }
  write({ ...results, comparison: { on, questions: kept } })
}

/** A line for each figure, so that a reader of a change sees which of them moved. @param {Results} results */
function write(results) {
  const FIGURE = /\[\s+(-?\d[^[\]"{}]*?)\s+\]/g
  const text = JSON.stringify(results, null, 2).replace(
    FIGURE,
    (_, numbers) => `[${numbers.replace(/\s+/g, ' ')}]`
  )
  writeFileSync(file, `${text}\n`)
}
