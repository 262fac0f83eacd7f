/**
 * Asks the questions, all of them or those named, and writes the page.
 *
 * Usage: node benchmarks/run.js [--short | --smoke] [question ...]
 *
 * `--short` takes minutes, the full form a good part of an hour; `--smoke` takes no care of time,
 * keeps nothing, and only shows that the scripts work.
 */
import { effortOf } from './harness/effort.js'
import { machine } from './harness/machine.js'
import { keepReport, printReport, writePage } from './harness/report.js'
import { questions } from './questions/index.js'

const effort = effortOf()
const wanted = process.argv.slice(2).filter((word) => !word.startsWith('--'))
const unknown = wanted.find((name) => !questions.some((question) => question.name === name))
if (unknown !== undefined) {
  const known = questions.map(({ name }) => name).join(', ')
  console.error(`There is no question "${unknown}". There are: ${known}.`)
  process.exit(1)
}

for (const question of questions) {
  const { name, title, asks } = question
  if (wanted.length > 0 && !wanted.includes(name)) continue
  const findings = await question.run(effort)
  const report = {
    name,
    title,
    asks,
    effort: effort.name,
    on: machine(question.versions),
    ...findings
  }
  printReport(report)
  if (effort.name !== 'smoke') keepReport(report)
}
if (effort.name !== 'smoke') writePage(questions)
