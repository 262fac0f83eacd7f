import { fileURLToPath } from 'node:url'
import { figureOf } from '../harness/cells.js'
import { compareEngines } from '../harness/engines.js'
import { differenceOf, nothing } from '../harness/statistics.js'

const modulePath = fileURLToPath(new URL('../variants/watched.js', import.meta.url))

/** Milliseconds of CPU a second that one viewer may cost. */
const AIM = 1

/** @type {import('../harness/report.js').Question} */
export const consoleQuestion = {
  name: 'console',
  title: 'Who looks at the console',
  asks: 'How much CPU does an idle service use in a second while nobody, one page or sixteen pages watch it?',
  versions: [],
  run(effort, samples) {
    const size = effort.name === 'smoke' ? { seconds: 1 } : {}
    const names = ['nobody', 'one', 'sixteen']
    const found = compareEngines(modulePath, names, size, { rounds: effort.rounds }, samples)
    const of = (/** @type {string} */ name) => found[name]?.['milliseconds'] ?? nothing
    const more = (/** @type {string} */ name) => figureOf(differenceOf(of(name), of('nobody')))
    return {
      tables: [
        {
          title: 'CPU of an idle service with ten breakers',
          columns: ['who watches', 'CPU ms a second', 'more than nobody', 'aim'],
          rows: [
            ['nobody', figureOf(of('nobody')), '', ''],
            ['one page', figureOf(of('one')), more('one'), { atMost: AIM }],
            ['sixteen pages', figureOf(of('sixteen')), more('sixteen'), '']
          ]
        }
      ]
    }
  }
}
