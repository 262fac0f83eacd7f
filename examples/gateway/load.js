/**
 * A balancer with 20 clients behind it. Each client sends one order after the other over its own
 * keep-alive connection. When the gateway's readiness probe says that it is leaving, the orders go
 * on for another second, because a real balancer notices late. Then it prints the count.
 *
 *     node load.js http://localhost:3000
 */
import { setTimeout as wait } from 'node:timers/promises'

const CLIENTS = 20
const PAUSE = 100
const NEWS_DELAY = 1000

const url = process.argv[2] ?? 'http://localhost:3000'
let sending = true
let taken = 0
let lost = 0
let askedToClose = 0

/** @param {number} client */
async function send(client) {
  while (sending) {
    try {
      const response = await fetch(new URL('/orders', url), {
        method: 'POST',
        // What a balancer tells of its clients, so that each has a limit of its own.
        headers: { 'content-type': 'application/json', 'x-forwarded-for': `192.0.2.${client + 1}` },
        body: JSON.stringify({ item: 'tea', amount: 4.5 })
      })
      await response.arrayBuffer()
      if (response.headers.get('connection') === 'close') askedToClose++
      if (!response.ok) throw new Error(`The answer was ${response.status}.`)
      taken++
    } catch (error) {
      lost++
      console.error(error instanceof Error ? (error.cause ?? error) : error)
    }
    await wait(PAUSE)
  }
}

async function watchReadiness() {
  const probe = new URL('/readyz', url)
  for (;;) {
    const { ok } = await fetch(probe)
    if (!ok) break
    await wait(PAUSE)
  }
  console.log('The gateway is leaving. Its balancer goes on for another second.')
  await wait(NEWS_DELAY)
  sending = false
}

console.log(`Sending orders to ${url} over ${CLIENTS} connections until it leaves.`)
await Promise.all([
  watchReadiness(),
  ...Array.from({ length: CLIENTS }, (_, client) => send(client))
])
console.log(
  `${taken} orders taken, ${lost} lost. ${askedToClose} answers asked to close the connection.`
)
process.exitCode = lost === 0 ? 0 : 1
