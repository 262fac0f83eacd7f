import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { nodeCommand } from '../harness/nodes.js'
import { hedging, situation } from '../variants/names.js'

const script = fileURLToPath(new URL('../variants/hedged-calls.js', import.meta.url))
const WAYS = [hedging.none, hedging.p95]

/** @type {import('../harness/report.js').Question} */
export const hedgingQuestion = {
  name: 'hedging',
  title: 'A second try when the first is late',
  asks: 'Three of a hundred answers take 300 ms, the others five: how long does the slowest hundredth of the calls take, and how many more requests does that cost? And what does hedging do to a service that is offered 1.15 of what it can answer, where calls are given up after a second?',
  versions: [],
  once: true,
  run(effort) {
    const seconds = { smoke: 1, short: 15, full: 30 }[effort.name]
    const found = Object.values(situation).map((where) => ({
      where,
      counted: WAYS.map((how) => ({ how, ...count(where, how, seconds) }))
    }))
    const p99Of = (/** @type {string} */ how) =>
      found[0]?.counted.find((one) => one.how === how)?.p99 ?? Number.NaN
    return {
      tables: [
        ...found.map(({ where, counted }) => ({
          title: where,
          columns: ['calls are', 'calls', 'given up', 'p99 ms', 'requests a call', 'aim'],
          rows: counted.map(({ how, calls, givenUp, p99, hits }) => [
            how,
            calls,
            givenUp,
            Math.round(p99),
            rounded(hits / calls),
            how === hedging.none ? '-' : { atMost: where === situation.overload ? 1.1 : 1.05 }
          ])
        })),
        {
          title: 'Hedged / not hedged',
          columns: ['what', 'figure', 'aim'],
          rows: [['p99', rounded(p99Of(hedging.p95) / p99Of(hedging.none)), { atMost: 0.2 }]]
        }
      ]
    }
  }
}

/** @param {number} value */
const rounded = (value) => Math.round(value * 1000) / 1000

/** @param {string} where @param {string} how @param {number} seconds */
function count(where, how, seconds) {
  const [command = '', ...prefix] = nodeCommand(0)
  const { status, stdout, stderr } = spawnSync(
    command,
    [...prefix, script, where, how, String(seconds)],
    { encoding: 'utf8' }
  )
  if (status !== 0) throw new Error(stderr)
  return /** @type {{ calls: number, hits: number, p99: number, givenUp: number }} */ (
    JSON.parse(stdout)
  )
}
