import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { findProgram } from '../../test/support/programs.js'
import { rollingRestart } from '../../test/support/rolling-restart.js'
import { wayToStop } from '../variants/names.js'

const service = fileURLToPath(new URL('../variants/stopping-service.js', import.meta.url))
const WAYS = [wayToStop.none, wayToStop.closeWithGrace, wayToStop.lifecycle]

/** @type {import('../harness/report.js').Question} */
export const rollingRestartQuestion = {
  name: 'rolling-restart',
  title: 'A rolling restart behind HAProxy',
  asks: 'Three instances behind a real HAProxy that asks each for /readyz every 200 ms and repeats no request; thirty clients; every instance is stopped and started again, one after the other. Which requests fail?',
  versions: ['fastify', 'close-with-grace', 'undici'],
  async run(effort) {
    const rolls = { smoke: 1, short: 2, full: 5 }[effort.name]
    const rows = []
    if (findProgram('haproxy') !== undefined) {
      for (const way of effort.name === 'smoke' ? [wayToStop.lifecycle] : WAYS) {
        rows.push(await roll(way, rolls))
      }
    }
    return {
      tables: [
        {
          title: `Counts of ${rolls} rolls`,
          columns: ['way to stop', 'requests', 'of them failed', 'how', 'exits'],
          rows
        }
      ],
      notes:
        rows.length > 0
          ? ['A quarter of the requests take 500 ms. The drain delay is 1.5 s.']
          : ['HAProxy is not installed: apt-get install haproxy']
    }
  }
}

/** @param {string} way @param {number} rolls @returns {Promise<(string | number)[]>} */
async function roll(way, rolls) {
  const { answered, failed, exits } = await rollingRestart({
    rolls,
    clients: 30,
    start: (port) => start(way, port),
    request: (client) => ({ method: 'GET', path: client % 4 === 0 ? '/slow' : '/' })
  })
  const failures = Object.values(failed).reduce((sum, count) => sum + count, 0)
  const how = Object.entries(failed).map(([kind, count]) => `${count} x ${kind}`)
  const codes = [...new Set(exits)].map(
    (code) => `${exits.filter((exit) => exit === code).length} x ${code}`
  )
  return [way, answered + failures, failures, how.join(', ') || '-', codes.join(', ')]
}

/** @param {string} way @param {number} port */
async function start(way, port) {
  const child = fork(service, [way, String(port)], { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] })
  const exit = once(child, 'exit')
  await once(child, 'message')
  return {
    async stop() {
      child.kill('SIGTERM')
      const [code, signal] = await exit
      return String(signal ?? code)
    },
    kill: () => child.kill('SIGKILL')
  }
}
