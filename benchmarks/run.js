/**
 * Asks the questions, all of them or those named, and writes the page.
 *
 * Usage: node benchmarks/run.js [--short | --smoke] [--twice] [question ...]
 *        node benchmarks/run.js --page
 *
 * `--short` takes an hour for all of them, the full form three times as long; `--smoke` takes no care of
 * time, keeps nothing, and only shows that the scripts work. `--twice` asks everything a second time and
 * says which figures agree. `--page` asks nothing and writes the page from the results that are kept.
 */
import { agreementOf, compared } from './harness/agreement.js'
import { effortOf } from './harness/effort.js'
import { machine } from './harness/machine.js'
import { writePage } from './harness/page.js'
import { printReport } from './harness/report.js'
import { keepComparison, keepReports } from './harness/results.js'
import { Samples } from './harness/samples.js'
import { questions } from './questions/index.js'

const FLAGS = ['--short', '--smoke', '--twice', '--page']
const words = process.argv.slice(2)
const names = questions.map(({ name }) => name)
const unknown = words.find((word) => !FLAGS.includes(word) && !names.includes(word))
if (unknown !== undefined) {
  const known = `The questions are: ${names.join(', ')}. The options are: ${FLAGS.join(', ')}.`
  console.error(unknown === '--help' ? known : `There is no "${unknown}". ${known}`)
  process.exit(unknown === '--help' ? 0 : 1)
}
const effort = effortOf()
const wanted = words.filter((word) => names.includes(word))

const asked = questions.filter(({ name }) => wanted.length === 0 || wanted.includes(name))

/**
 * A whole run: over all questions, as often as the effort says.
 *
 * @param {boolean} [again] leaves out those that only count, and have no spread to compare
 */
async function ask(again = false) {
  const samples = new Samples()
  /** @type {import('./harness/report.js').Report[]} */
  let reports = []
  for (let pass = effort.passes; pass > 0; pass--) {
    reports = []
    for (const { name, title, asks, versions, once, run } of asked) {
      if (once && (again || pass > 1)) continue
      const findings = await run(effort, samples)
      const report = { name, title, asks, effort: effort.name, on: machine(versions), ...findings }
      reports.push(report)
      console.error(`${name}: ${pass === 1 ? 'done' : `${pass - 1} more`}`)
    }
  }
  for (const report of reports) printReport(report)
  return reports
}

const keeps = effort.name !== 'smoke'
if (!process.argv.includes('--page')) {
  const first = await ask()
  if (keeps) keepReports(first)
  if (process.argv.includes('--twice')) {
    const comparison = compared(first, await ask(true))
    printReport(agreementOf(comparison, questions))
    if (keeps) keepComparison(comparison)
  }
}
if (keeps) writePage(questions)
