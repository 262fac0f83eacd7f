/**
 * Starts the gateway and a Prometheus that watches it, plays half a minute of good and bad times, and draws
 * what Prometheus answers.
 *
 *     node start.js [seconds]
 */
import { setTimeout as wait } from 'node:timers/promises'
import { play } from './clients.js'
import { startGateway } from './gateway.js'
import { draw } from './picture.js'
import { HOW_TO_GET_IT, hasPrometheus, startPrometheus } from './prometheus.js'
import { questions } from './questions.js'

/** So long until the last second is collected, in milliseconds. */
const LAST_SCRAPE = 1500

if (hasPrometheus()) {
  await run(Number(process.argv[2] ?? 30))
} else {
  console.error(HOW_TO_GET_IT)
  process.exitCode = 1
}

/** @param {number} seconds */
async function run(seconds) {
  const gateway = await startGateway()
  try {
    const prometheus = await startPrometheus(gateway.admin)
    try {
      console.log(`The gateway listens on ${gateway.url}, Prometheus on ${prometheus.url}.\n`)
      const begin = Math.floor(Date.now() / 1000)
      await play(gateway.url, gateway.paymentsUrl, seconds, (act) => {
        console.log(`${String(Math.floor(Date.now() / 1000) - begin).padStart(3)} s  ${act}`)
      })
      await wait(LAST_SCRAPE)
      await show(prometheus, begin, Math.floor(Date.now() / 1000))
    } finally {
      await prometheus.stop()
    }
  } finally {
    await gateway.stop()
  }
}

/**
 * @param {Awaited<ReturnType<typeof startPrometheus>>} prometheus
 * @param {number} begin seconds since 1970
 * @param {number} end
 */
async function show(prometheus, begin, end) {
  const times = Array.from({ length: end - begin + 1 }, (_, second) => begin + second)
  for (const question of questions) {
    const { result } = await prometheus.ask('query_range', {
      query: question.query,
      start: String(begin),
      end: String(end),
      step: '1'
    })
    console.log(`\n${draw(question, result, times)}`)
  }
  const { alerts } = await prometheus.ask('alerts')
  console.log('\nAlerts')
  for (const { state, annotations } of alerts) {
    console.log(`  ${state}: ${annotations.summary}`)
  }
  if (alerts.length === 0) console.log('  none')
}
