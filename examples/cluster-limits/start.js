/**
 * Starts a Redis and four processes, loads them all as one client, and draws, half second by half
 * second, what they admitted together beside what the limit allows.
 *
 *     node start.js [seconds]
 */
import { fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const PROCESSES = 4
const MAX = 100
const BURST = 40
const STEP = 500
const WIDTH = 50

const seconds = Number(process.argv[2] ?? 10)
const port = await freePort()
const redis = spawn('redis-server', ['--port', String(port), '--save', '', '--dir', '/tmp'], {
  stdio: 'ignore'
})
redis.on('error', () => {
  console.error('This needs redis-server on the PATH: apt-get install redis-server.')
  process.exit(1)
})
const servers = Array.from({ length: PROCESSES }, () =>
  fork(fileURLToPath(new URL('server.js', import.meta.url)), {
    env: { ...process.env, REDIS_URL: `redis://127.0.0.1:${port}`, MAX: String(MAX) }
  })
)

try {
  const urls = await Promise.all(
    servers.map(async (server) => String((await once(server, 'message'))[0]))
  )
  console.log(`${PROCESSES} processes, one limit: ${BURST} at once, ${MAX} a second.\n`)
  await draw(urls)
} finally {
  for (const server of servers) server.kill()
  await Promise.all(servers.map((server) => once(server, 'exit')))
  redis.kill()
}

/** @param {string[]} urls */
async function draw(urls) {
  const counts = urls.map(() => ({ admitted: 0, denied: 0 }))
  let loading = true
  const clients = urls.flatMap((url, index) =>
    Array.from({ length: 4 }, async () => {
      const count = /** @type {{ admitted: number, denied: number }} */ (counts[index])
      while (loading) {
        const response = await fetch(url)
        await response.arrayBuffer()
        if (response.status === 200) count.admitted++
        else count.denied++
      }
    })
  )
  const start = performance.now()
  const sum = () => counts.reduce((total, { admitted }) => total + admitted, 0)
  const full = BURST + seconds * MAX
  for (let time = STEP; time <= seconds * 1000; time += STEP) {
    await wait(start + time - performance.now())
    const allowed = BURST + Math.floor(((performance.now() - start) / 1000) * MAX)
    const admitted = sum()
    const bar = '#'.repeat(Math.round((admitted / full) * WIDTH))
    const limit = Math.round((allowed / full) * WIDTH)
    const line = `${bar.padEnd(limit)}|`.padEnd(WIDTH + 2)
    console.log(`${(time / 1000).toFixed(1).padStart(4)} s  ${line} ${admitted} of ${allowed}`)
  }
  loading = false
  await Promise.all(clients)
  const allowed = BURST + Math.floor(((performance.now() - start) / 1000) * MAX) + 1
  const shares = counts.map(({ admitted }) => admitted).join(' + ')
  const denied = counts.reduce((total, count) => total + count.denied, 0)
  console.log(`\nadmitted ${shares} = ${sum()}, at most ${allowed}; denied ${denied}`)
  if (sum() > allowed) process.exitCode = 1
}

async function freePort() {
  const probe = createServer()
  await once(probe.listen(0, '127.0.0.1'), 'listening')
  const address = probe.address()
  await once(probe.close(), 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}
