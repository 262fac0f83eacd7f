// @ts-check
/**
 * The processes themselves: event loop, CPU and memory.
 */
import { entry, h } from './dom.js'
import { lasting, latency, memory, share } from './text.js'

const RECENT = 5000

/** @param {import('./fleet.js').Present[number]} process */
export function processCard({ name, latest, history }) {
  const { process, log } = latest
  const { cpu, utilization } = load(history)
  const { rss, heapUsed, heapLimit } = process.memory
  return h(
    'article',
    { class: 'card process', 'data-id': `process ${name}` },
    h('h3', {}, `${process.host}, process ${process.pid}`),
    h('p', { class: 'quiet' }, `${name}, Node ${process.node}, up for ${lasting(process.uptime)}`),
    h(
      'dl',
      { class: 'figures' },
      entry('loop busy', share(utilization), 'The part of the time that the event loop was busy'),
      process.delay &&
        entry(
          'loop delay',
          latency(process.delay.current),
          `At most ${latency(process.delay.max)} in the last ten seconds`
        ),
      process.delay &&
        entry('longest', latency(process.delay.max), 'The longest delay of the last ten seconds'),
      entry('CPU', share(cpu), 'Of one core'),
      entry('memory', memory(rss), 'Resident set size'),
      entry('heap', `${memory(heapUsed)} of ${memory(heapLimit)}`),
      log && log.failed > 0 && entry('lines lost', String(log.failed), 'The logger failed')
    )
  )
}

/**
 * CPU and the share of time that the loop was busy, of the last seconds.
 *
 * @param {import('./history.js').History} history
 */
export function load(history) {
  const cpu = history.rate(RECENT, ({ process }) => process.cpu) / 1000
  const active = history.growth(RECENT, ({ process }) => process.loop.active)
  const idle = history.growth(RECENT, ({ process }) => process.loop.idle)
  return { cpu, utilization: active + idle === 0 ? 0 : active / (active + idle) }
}
