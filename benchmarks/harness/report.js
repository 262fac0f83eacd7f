/**
 * What a question is, what it found, and how that looks on the terminal.
 *
 * @typedef {import('./cells.js').Table} Table
 * @typedef {{ name: string, title: string, unit: string, table: number, column: number }} Plot
 *   a bar for each row of that table whose cell in that column is a figure
 * @typedef {{ tables: Table[], plots?: Plot[], notes?: string[] }} Findings
 * @typedef {{ name: string, title: string, asks: string, versions: string[], once?: true, background?: string, run(effort: import('./effort.js').Effort, samples: import('./samples.js').Samples): Findings | Promise<Findings> }} Question
 *   `background` says where the time goes, as a profile showed it
 * @typedef {Findings & { effort: string, on: ReturnType<typeof import('./machine.js').machine> }} Kept
 * @typedef {Kept & { name: string, title: string, asks: string, background?: string | undefined }} Report
 */
import { textsOf } from './cells.js'

/** @param {Report} report */
export function printReport({ title, tables, notes = [] }) {
  console.log(`\n${title}`)
  for (const table of tables) console.log(`\n${textTable(table)}`)
  for (const note of notes) console.log(note)
}

/** @param {Table} table */
function textTable(table) {
  const lines = textsOf(table)
  const widths = table.columns.map((_, index) =>
    Math.max(...lines.map((line) => (line[index] ?? '').length))
  )
  const padded = lines.map((line) =>
    line
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join('  ')
      .trimEnd()
  )
  return [table.title, ...padded].join('\n')
}
