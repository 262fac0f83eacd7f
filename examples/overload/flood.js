/**
 * Sends requests at a rate, whatever becomes of them: a client does not wait for others to be served.
 * Who has no answer after a second gives up.
 */
import { Agent, get } from 'node:http'

const PATIENCE = 1000
const PATHS = ['/pay', '/browse', '/report']

/**
 * @typedef {{ sent: number, served: number, refused: number, late: number }} Count
 * @param {string} url
 * @param {number} rate requests a second
 * @param {number} seconds
 * @param {number} step milliseconds
 * @param {(counts: Record<string, Count>) => void} tell is called after each step with what became of it
 */
export async function flood(url, rate, seconds, step, tell) {
  // As a proxy has them: a pool of connections that stay open.
  const agent = new Agent({ keepAlive: true, maxSockets: 400 })
  /** @type {Record<string, Count>} */
  let counts = newCounts()
  const start = performance.now()
  let sent = 0
  for (let elapsed = 0, told = step; elapsed < seconds * 1000; ) {
    await new Promise((resolve) => setTimeout(resolve, 2))
    elapsed = performance.now() - start
    for (; sent < (elapsed / 1000) * rate; sent++) send(url, agent, counts)
    if (elapsed < told) continue
    tell(counts)
    counts = newCounts()
    told += step
  }
  agent.destroy()
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
