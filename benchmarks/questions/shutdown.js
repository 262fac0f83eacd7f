import { fork } from 'node:child_process'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Agent } from 'undici'
import { wayToStop } from '../variants/names.js'

const service = fileURLToPath(new URL('../variants/stopping-service.js', import.meta.url))
const { none, close, closeAndExit, closeWithGrace, lifecycle, lifecycleWithoutDelay } = wayToStop
const LAG = 1000
/** Milliseconds that the signal may take to the server, or an answer from there. */
const ON_ITS_WAY = 50
const MAX_WAIT = 25_000

/** @type {import('../harness/report.js').Question} */
export const shutdown = {
  name: 'shutdown',
  title: 'A stop under load',
  asks: 'Forty keep-alive clients, half of them on a route that takes 500 ms; SIGTERM; for another second the balancer goes on sending. Who is dropped? And how long does one connection that is stuck hold the process?',
  versions: ['fastify', 'close-with-grace', 'undici'],
  once: true,
  async run(effort) {
    const rolls = []
    for (const way of effort.name === 'smoke'
      ? [lifecycle]
      : [none, close, closeAndExit, closeWithGrace, lifecycle])
      rolls.push(await roll(way))
    const stuck = []
    const stuckWays =
      effort.name === 'smoke' ? [] : [close, closeAndExit, closeWithGrace, lifecycleWithoutDelay]
    for (const way of stuckWays) {
      stuck.push([
        way,
        await hold(way, 'GET /stuck HTTP/1.1\r\nHost: a\r\n\r\n'),
        await hold(way, ''),
        await hold(way, 'GET / HTTP/1.1\r\nHo')
      ])
    }
    return {
      tables: [
        {
          title: 'Counts of one roll',
          columns: [
            'way to stop',
            'in flight at SIGTERM',
            'of them lost',
            'sent in the next second',
            'of them failed',
            'answers told to leave',
            'exit'
          ],
          rows: rolls
        },
        {
          title: `Seconds from SIGTERM to the exit, with its code; after ${MAX_WAIT / 1000} s it is killed`,
          columns: [
            'way to stop',
            'a 20 s request in flight',
            'a silent connection',
            'a half-sent request'
          ],
          rows: stuck
        }
      ],
      notes: [
        '"Told to leave": answers whose head was written after the signal and carries `Connection: close`.'
      ]
    }
  }
}

/** @param {string} way */
async function start(way) {
  const child = fork(service, [way], { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] })
  const exit = new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve(signal ?? code))
  })
  const port = await new Promise((resolve) => {
    child.once('message', (/** @type {{ port: number }} */ message) => resolve(message.port))
  })
  return { child, exit, port: Number(port) }
}

/** @param {string} way @returns {Promise<(string | number)[]>} */
async function roll(way) {
  const { child, exit, port } = await start(way)
  const agent = new Agent({ connections: 40, pipelining: 1 })
  const origin = `http://127.0.0.1:${port}`
  let signalledAt = Infinity
  let ended = false
  const counts = { running: 0, inFlight: 0, lost: 0, sent: 0, failed: 0, answers: 0, told: 0 }
  /** @param {string} path */
  const client = async (path) => {
    while (!ended) {
      const late = performance.now() > signalledAt
      counts.running++
      if (late) counts.sent++
      try {
        const { statusCode, headers, body } = await agent.request({ origin, path, method: 'GET' })
        const told = headers.connection === 'close'
        const arrivedAt = performance.now()
        await body.dump()
        if (arrivedAt - signalledAt > ON_ITS_WAY) {
          counts.answers++
          if (told) counts.told++
        }
        if (statusCode !== 200) throw new Error(String(statusCode))
      } catch {
        if (late) counts.failed++
        else counts.lost++
        await sleep(25)
      }
      counts.running--
      await sleep(path === '/' ? 10 : 1)
    }
  }
  const clients = Array.from({ length: 40 }, (_, n) => client(n % 2 === 0 ? '/' : '/slow'))
  await sleep(1500)
  counts.lost = 0
  counts.inFlight = counts.running
  signalledAt = performance.now()
  child.kill('SIGTERM')
  await sleep(LAG)
  ended = true
  await Promise.all(clients)
  const code = await Promise.race([exit, sleep(MAX_WAIT).then(() => 'killed')])
  if (code === 'killed') child.kill('SIGKILL')
  await agent.destroy()
  const share = counts.answers === 0 ? '-' : `${Math.round((100 * counts.told) / counts.answers)} %`
  return [way, counts.inFlight, counts.lost, counts.sent, counts.failed, share, String(code)]
}

/** @param {string} way @param {string} text what the stuck client has sent */
async function hold(way, text) {
  const { child, exit, port } = await start(way)
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  socket.write(text)
  socket.resume()
  await sleep(300)
  const begin = performance.now()
  child.kill('SIGTERM')
  const code = await Promise.race([exit, sleep(MAX_WAIT).then(() => 'killed')])
  const seconds = (performance.now() - begin) / 1000
  if (code === 'killed') child.kill('SIGKILL')
  socket.destroy()
  return code === 'killed' ? 'killed' : `${seconds.toFixed(1)} s, ${code}`
}
