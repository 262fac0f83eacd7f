/**
 * Asks the questions, all of them or those named, and writes the page.
 *
 * Usage: node benchmarks/run.js [--short | --smoke] [--twice] [question ...]
 *
 * `--short` takes minutes, the full form a good part of an hour; `--smoke` takes no care of time,
 * keeps nothing, and only shows that the scripts work. `--twice` asks
 * everything a second time and says which figures agree.
 */
import { agreementOf, keepAgreement, keptAgreement } from './harness/agreement.js'
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

/** Asks every wanted question once. */
async function ask() {
  const reports = []
  for (const { name, title, asks, versions, run } of questions) {
    if (wanted.length > 0 && !wanted.includes(name)) continue
    const findings = await run(effort)
    const report = { name, title, asks, effort: effort.name, on: machine(versions), ...findings }
    printReport(report)
    if (effort.name !== 'smoke') keepReport(report)
    reports.push(report)
  }
  return reports
}

const first = await ask()
if (process.argv.includes('--twice')) {
  const agreement = agreementOf(first, await ask())
  printReport(agreement)
  if (effort.name !== 'smoke' && wanted.length === 0) keepAgreement(agreement)
}
if (effort.name !== 'smoke') writePage(questions, keptAgreement())
