/**
 * Sends requests at a rate, whatever becomes of them: a client does not wait for others to be served.
 * Who has no answer after a second gives up.
 */
import { once } from 'node:events'
import { Agent, get } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'

const PATIENCE = 1000
const CONNECTIONS = 400
const PATHS = ['/pay', '/browse', '/report']

/**
 * @typedef {{ sent: number, served: number, refused: number, late: number }} Count
 * @param {string} url
 * @param {number} rate requests a second
 * @param {number} seconds
 * @param {number} step milliseconds
 * @param {(counts: Record<string, Count>) => void} tell is called with what became of the requests of each
 *   step, when the last of them is answered or given up
 */
export async function flood(url, rate, seconds, step, tell) {
  // As a proxy has them: connections that are open already. New ones would wait in the kernel, where the
  // service does not see them and can refuse nobody.
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS, maxFreeSockets: CONNECTIONS })
  await Promise.all(Array.from({ length: CONNECTIONS }, () => open(url, agent)))
  /** @type {Record<string, Count>} */
  let counts = newCounts()
  const start = performance.now()
  let sent = 0
  for (let elapsed = 0, told = step; elapsed < seconds * 1000; ) {
    await wait(2)
    elapsed = performance.now() - start
    for (; sent < (elapsed / 1000) * rate; sent++) send(url, agent, counts)
    if (elapsed < told) continue
    setTimeout(tell, PATIENCE, counts)
    counts = newCounts()
    told += step
  }
  await wait(PATIENCE)
  agent.destroy()
}

/** Opens a connection, by a request that costs the service nothing. @param {string} url @param {Agent} agent */
async function open(url, agent) {
  const [response] = await once(get(new URL('/nothing', url), { agent }), 'response')
  await once(response.resume(), 'end')
}

/** @returns {Record<string, Count>} */
function newCounts() {
  return Object.fromEntries(
    PATHS.map((path) => [path, { sent: 0, served: 0, refused: 0, late: 0 }])
  )
}

/** @param {string} url @param {Agent} agent @param {Record<string, Count>} counts */
function send(url, agent, counts) {
  const random = Math.random()
  const path = random < 0.1 ? '/pay' : random < 0.5 ? '/browse' : '/report'
  const count = /** @type {Count} */ (counts[path])
  count.sent++
  const signal = AbortSignal.timeout(PATIENCE)
  const request = get(new URL(path, url), { agent, signal }, (response) => {
    response.resume()
    if (response.statusCode === 200) count.served++
    else count.refused++
  })
  request.on('error', () => count.late++)
}
