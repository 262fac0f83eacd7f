// @ts-check
/**
 * The few numbers that say most.
 */
import { h } from './dom.js'
import { latencies, outcomeRates, rate, sum } from './fleet.js'
import { load } from './process.js'
import { count, latency, perSecond, share } from './text.js'

/** @param {import('./fleet.js').Present} processes */
export function tiles(processes) {
  const outcomes = outcomeRates(processes)
  const times = latencies(processes)
  const requests = rate(processes, (snapshot) => snapshot.requests?.takenIn)
  const known = outcomes && sum([...outcomes.values()])
  const failing = outcomes?.get('server-error') ?? 0
  const refused = outcomes?.get('refused') ?? 0
  const inFlight = sum(processes.map(({ latest }) => inFlightOf(latest)))
  const busiest = Math.max(0, ...processes.map(({ history }) => load(history).utilization))
  return [
    tile('requests', perSecond(known ?? requests)),
    outcomes && tile('server errors', perSecond(failing), failing > 0 ? 'bad' : ''),
    outcomes && tile('refused', perSecond(refused), refused > 0 ? 'warn' : ''),
    times && tile('half within', times.p50 === undefined ? '–' : latency(times.p50), '', 'p50'),
    times && tile('99 % within', times.p99 === undefined ? '–' : latency(times.p99), '', 'p99'),
    tile('in flight', count(inFlight)),
    tile(
      processes.length > 1 ? 'busiest loop' : 'loop busy',
      share(busiest),
      busiest > 0.9 ? 'warn' : ''
    )
  ].filter((one) => one !== undefined)
}

/** @param {import('../dist/index.js').Snapshot} snapshot */
function inFlightOf({ life, requests }) {
  if (life !== undefined) return life.inFlight
  if (requests === undefined) return 0
  return requests.takenIn - requests.finished - requests.aborted - requests.cut
}

/**
 * @param {string} name
 * @param {string} value
 * @param {string} [level]
 * @param {string} [abbreviation]
 */
function tile(name, value, level = '', abbreviation = '') {
  return h(
    'div',
    { class: `tile ${level}` },
    h('dt', {}, name, abbreviation !== '' && h('abbr', {}, ` ${abbreviation}`)),
    h('dd', {}, value)
  )
}
