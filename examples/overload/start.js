/**
 * Floods a service with five times what it can do, once as it is and once with load shedding, and
 * draws what was served, second by second.
 *
 *     node start.js [seconds]
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { flood } from './flood.js'

const RATE = 950
const WIDTH = 40
/** What the service can do in a second, about. */
const CAPACITY = 190

const seconds = Number(process.argv[2] ?? 10)
const unprotected = await play('without load shedding', 'none')
const shedding = await play('with load shedding', 'shedding')
console.log(`\nserved ${unprotected} without, ${shedding} with load shedding`)

/** @param {string} title @param {string} mode @returns {Promise<number>} how many were served */
async function play(title, mode) {
  console.log(`\n${title}: ${RATE} requests a second`)
  console.log(`${''.padEnd(WIDTH)}  served   payments   refused`)
  const server = fork(fileURLToPath(new URL('server.js', import.meta.url)), [mode])
  const [url] = await once(server, 'message')
  let total = 0
  await flood(String(url), RATE, seconds, 1000, (counts) => {
    const { served, refused } = sum(counts)
    total += served
    const bar = '#'.repeat(Math.min(WIDTH, Math.round((served / CAPACITY) * WIDTH)))
    const payments = counts['/pay']
    const paid = payments && `${payments.served} of ${payments.sent}`
    console.log(
      `${bar.padEnd(WIDTH)} ${String(served).padStart(7)}  ${String(paid).padStart(9)} ${String(refused).padStart(9)}`
    )
  })
  server.kill()
  return total
}

/** @param {Record<string, import('./flood.js').Count>} counts */
function sum(counts) {
  let served = 0
  let refused = 0
  for (const count of Object.values(counts)) {
    served += count.served
    refused += count.refused
  }
  return { served, refused }
}
