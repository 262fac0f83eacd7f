import { fileURLToPath } from 'node:url'
import { figureOf } from '../harness/cells.js'
import { compareEngines } from '../harness/engines.js'
import { nothing } from '../harness/statistics.js'

const modulePath = fileURLToPath(new URL('../variants/states.js', import.meta.url))
const AIM = 1

/** @type {import('../harness/report.js').Question} */
export const readingStates = {
  name: 'reading-states',
  title: 'Reading what the plugins know',
  asks: 'How long does one reading of all states hold the event loop, in a service with 200 breakers and ten policies?',
  versions: [],
  run(effort, samples) {
    const size = effort.name === 'smoke' ? { breakers: 2, reads: 10 } : {}
    const { all } = compareEngines(modulePath, ['all'], size, { rounds: effort.rounds }, samples)
    return {
      tables: [
        {
          title: 'statesOf(app)',
          columns: ['what', { name: 'CPU ms', digits: 3 }, 'aim'],
          rows: [['all states', figureOf(all?.['milliseconds'] ?? nothing), { atMost: AIM }]]
        }
      ]
    }
  }
}
