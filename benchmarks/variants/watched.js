/**
 * A service whose console somebody watches, or nobody.
 */
import { spawn } from 'node:child_process'
import { setTimeout as wait } from 'node:timers/promises'
import { holdfastConsole } from '@holdfast/console'
import Fastify from 'fastify'
import { holdfast } from 'holdfast'

const MICROSECONDS = 1000
const BREAKERS = 10

/** A viewer is a process of its own: what it does itself is not the service's. */
const VIEWER = "require('node:http').get(process.argv[1], (response) => response.resume())"

/** CPU of the process in microseconds. */
function cpu() {
  const { user, system } = process.cpuUsage()
  return user + system
}

/** @param {() => boolean} condition */
async function settled(condition) {
  for (let turn = 0; !condition(); turn++) {
    if (turn > 200) throw new Error('not everybody watches')
    await wait(50)
  }
  // What a beginning costs is over then.
  await wait(1000)
}

/**
 * Milliseconds of CPU that an idle service uses in a second.
 *
 * @param {number} viewers
 * @param {number} seconds
 */
async function idle(viewers, seconds) {
  const app = Fastify()
  await app.register(holdfast, {
    lifecycle: { signals: false, exit: false },
    requestLogging: false,
    telemetry: {}
  })
  await app.register(holdfastConsole, { listen: { port: 0 } })
  for (let index = 0; index < BREAKERS; index++) app.circuitBreaker(`breaker-${index}`)
  app.get('/', async () => 'ok')
  await app.listen({ host: '127.0.0.1', port: 0 })
  const watching = Array.from({ length: viewers }, () =>
    spawn(process.execPath, ['-e', VIEWER, `${app.holdfastConsole.url}events`])
  )
  await settled(() => app.holdfastConsole.viewers === viewers)
  const begun = cpu()
  await wait(seconds * 1000)
  const milliseconds = (cpu() - begun) / seconds / MICROSECONDS
  if (app.holdfastConsole.viewers !== viewers) throw new Error('not everybody watches')
  for (const viewer of watching) viewer.kill()
  await app.close()
  return { milliseconds }
}

/** @type {Record<string, import('../harness/engines.js').Engine>} */
export const engines = {
  nobody: ({ seconds = 3 }) => idle(0, seconds),
  one: ({ seconds = 3 }) => idle(1, seconds),
  sixteen: ({ seconds = 3 }) => idle(16, seconds)
}
