/**
 * What a question found, as text on the terminal, JSON on disk, and a section of the page.
 *
 * @typedef {{ title: string, columns: string[], rows: (string | number)[][] }} Table
 * @typedef {{ label: string, value: number, lower?: number, upper?: number }} Bar
 * @typedef {{ name: string, title: string, unit: string, bars: Bar[] }} Plot
 * @typedef {{ tables: Table[], plots?: Plot[], notes?: string[] }} Findings
 * @typedef {{ name: string, title: string, asks: string, versions: string[], once?: true, run(effort: import('./effort.js').Effort, samples: import('./samples.js').Samples): Findings | Promise<Findings> }} Question
 * @typedef {Findings & { name: string, title: string, asks: string, effort: string, on: ReturnType<typeof import('./machine.js').machine> }} Report
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { drawPlot } from './plot.js'

const folder = new URL('../', import.meta.url)
export const resultsFolder = new URL('results/', folder)
const plotsFolder = new URL('plots/', folder)

/** @param {number} value @param {number} [digits] */
export const fixed = (value, digits = 2) => value.toFixed(digits)

/** @param {import('./statistics.js').Spread} spread @param {number} [digits] */
export const quoted = ({ median, lower, upper, least, most }, digits = 2) => {
  const [middle, ...rest] = [median, least, lower, upper, most].map((value) => fixed(value, digits))
  return `${middle} [${rest[0]} ${rest[1]}..${rest[2]} ${rest[3]}]`
}

/** @param {Report} report */
export function printReport({ title, tables, notes = [] }) {
  console.log(`\n${title}`)
  for (const table of tables) console.log(`\n${textTable(table)}`)
  for (const note of notes) console.log(note)
}

/** @param {Table} table */
function textTable({ title, columns, rows }) {
  const cells = [columns, ...rows.map((row) => row.map(String))]
  const widths = columns.map((_, index) =>
    Math.max(...cells.map((row) => (row[index] ?? '').length))
  )
  const line = (/** @type {string[]} */ row) =>
    row
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join('  ')
      .trimEnd()
  return [title, ...cells.map(line)].join('\n')
}

/** Keeps the findings as JSON and draws their plots. @param {Report} report */
export function keepReport(report) {
  mkdirSync(resultsFolder, { recursive: true })
  mkdirSync(plotsFolder, { recursive: true })
  writeFileSync(
    new URL(`${report.name}.json`, resultsFolder),
    `${JSON.stringify(report, null, 2)}\n`
  )
  for (const plot of report.plots ?? []) {
    writeFileSync(new URL(`${plot.name}.svg`, plotsFolder), drawPlot(plot))
  }
}

/**
 * Writes the page from every kept report, in the words that the questions have now.
 *
 * @param {readonly Question[]} questions in their order
 * @param {readonly Report[]} [last] what follows them
 */
export function writePage(questions, last = []) {
  const kept = new Set(readdirSync(resultsFolder))
  const reports = questions
    .filter(({ name }) => kept.has(`${name}.json`))
    .map(({ name, title, asks }) => {
      /** @type {Report} */
      const kept = JSON.parse(readFileSync(new URL(`${name}.json`, resultsFolder), 'utf8'))
      return { ...kept, title, asks }
    })
  const head = readFileSync(new URL('harness/page-head.md', folder), 'utf8')
  writeFileSync(
    new URL('README.md', folder),
    [head.trimEnd(), ...[...reports, ...last].map(section), ''].join('\n\n')
  )
}

/** @param {Report} report */
function section({ title, asks, tables, plots = [], notes = [], effort, on }) {
  const versions = Object.entries(on.versions).map(([name, version]) => `${name} ${version}`)
  const where = [on.cpu, `${on.cores} cores`, on.memory, `Node ${on.node}`, ...versions].join(', ')
  const length = effort === 'full' ? 'Full run.' : 'Short run.'
  return [
    `## ${title}`,
    asks,
    ...tables.map(markdownTable),
    ...plots.map(({ name, title: text }) => `![${text}](plots/${name}.svg)`),
    ...notes,
    `<sub>${where}. ${length}</sub>`
  ].join('\n\n')
}

/** @param {Table} table */
function markdownTable({ title, columns, rows }) {
  const line = (/** @type {(string | number)[]} */ cells) => `| ${cells.join(' | ')} |`
  return [
    `**${title}**`,
    '',
    line(columns),
    line(columns.map(() => '---')),
    ...rows.map(line)
  ].join('\n')
}
