/**
 * The page, written from what is kept in the words that the questions have now.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { agreementOf } from './agreement.js'
import { textsOf } from './cells.js'
import { drawPlot } from './plot.js'
import { keptResults } from './results.js'

const folder = new URL('../', import.meta.url)

/** @param {readonly import('./report.js').Question[]} questions in their order */
export function writePage(questions) {
  const { questions: results, comparison } = keptResults()
  const reports = questions.flatMap(({ name, title, asks, background }) => {
    const kept = results[name]
    return kept === undefined ? [] : [{ ...kept, name, title, asks, background }]
  })
  mkdirSync(new URL('plots/', folder), { recursive: true })
  for (const { tables, plots = [] } of reports) {
    for (const plot of plots) {
      writeFileSync(new URL(`plots/${plot.name}.svg`, folder), drawPlot(plot, tables))
    }
  }
  const last = comparison === undefined ? [] : [agreementOf(comparison, questions)]
  const head = readFileSync(new URL('harness/page-head.md', folder), 'utf8')
  writeFileSync(
    new URL('README.md', folder),
    [head.trimEnd(), ...[...reports, ...last].map(section), ''].join('\n\n')
  )
}

/** @param {import('./report.js').Report} report */
function section({ title, asks, background, tables, plots = [], notes = [], effort, on }) {
  const versions = Object.entries(on.versions).map(([name, version]) => `${name} ${version}`)
  const where = [on.cpu, `${on.cores} cores`, on.memory, `Node ${on.node}`, ...versions].join(', ')
  const length = effort === 'full' ? 'Full run.' : 'Short run.'
  return [
    `## ${title}`,
    asks,
    ...tables.map(markdownTable),
    ...plots.map(({ name, title: text }) => `![${text}](plots/${name}.svg)`),
    ...(background === undefined ? [] : [`Where the time goes: ${background}`]),
    ...notes,
    `<sub>${where}. ${length}</sub>`
  ].join('\n\n')
}

/** @param {import('./cells.js').Table} table */
function markdownTable(table) {
  const line = (/** @type {string[]} */ cells) => `| ${cells.join(' | ')} |`
  const [head = [], ...rows] = textsOf(table)
  return [
    `**${table.title}**`,
    '',
    line(head),
    line(head.map(() => '---')),
    ...rows.map(line)
  ].join('\n')
}
