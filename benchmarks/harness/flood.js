/**
 * A flooded service: a fresh process on a core of its own, its load on another.
 *
 * @typedef {import('./flood-load.js').Phase} Phase
 * @typedef {import('./flood-load.js').PhaseResult} PhaseResult
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { findProgram } from '../../test/support/programs.js'

const service = fileURLToPath(new URL('../variants/overloaded-service.js', import.meta.url))
const loader = fileURLToPath(new URL('flood-load.js', import.meta.url))

/** What most of the load of a service is: a tenth of it critical. */
const KINDS = [
  { name: 'critical', path: '/critical', share: 0.1 },
  { name: 'normal', path: '/normal', share: 0.4 },
  { name: 'bulk', path: '/bulk', share: 0.5 }
]

/**
 * @param {readonly string[]} how protection, work and, where it has one, the work's setting
 * @param {Phase[]} phases
 * @param {{ deadline?: number, fresh?: boolean }} [clients] how long they wait, in milliseconds, and
 *   whether each opens a connection
 * @returns {Promise<PhaseResult[]>}
 */
export async function flood(how, phases, { deadline = 1000, fresh = false } = {}) {
  const server = start(0, [service, ...how], ['ignore', 'inherit', 'inherit', 'ipc'])
  try {
    const [port] = await once(server, 'message')
    const load = { port, phases, kinds: KINDS, connections: 400, deadline, users: 200, fresh }
    const client = start(1, [loader, JSON.stringify(load)], ['ignore', 'pipe', 'inherit'])
    let text = ''
    client.stdout?.on('data', (chunk) => {
      text += chunk
    })
    await once(client, 'close')
    return JSON.parse(text)
  } finally {
    server.kill()
  }
}

/** @param {number} core @param {string[]} args @param {import('node:child_process').StdioOptions} stdio */
function start(core, args, stdio) {
  return findProgram('taskset') === undefined
    ? spawn(process.execPath, args, { stdio })
    : spawn('taskset', ['-c', String(core), process.execPath, ...args], { stdio })
}
