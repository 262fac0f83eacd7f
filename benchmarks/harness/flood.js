/**
 * A flooded service: a fresh process on a core of its own, its load on another.
 *
 * @typedef {import('./flood-load.js').Phase} Phase
 * @typedef {import('./flood-load.js').PhaseResult} PhaseResult
 * @typedef {import('./flood-load.js').Clients} Clients
 * @typedef {import('../variants/overloaded-service.js').Service} Service
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { freePorts } from '../../test/support/haproxy.js'
import { work } from '../variants/names.js'
import { makeQuota } from './cpu-quota.js'
import { startNginx } from './nginx.js'
import { nodeCommand } from './nodes.js'

const script = fileURLToPath(new URL('../variants/overloaded-service.js', import.meta.url))
const loader = fileURLToPath(new URL('flood-load.js', import.meta.url))

/** What most of the load of a service is: a tenth of it critical. */
const KINDS = [
  { name: 'critical', path: '/critical', share: 0.1 },
  { name: 'normal', path: '/normal', share: 0.4 },
  { name: 'bulk', path: '/bulk', share: 0.5 }
]

/**
 * @param {Service} service
 * @param {Phase[]} phases
 * @param {{ clients?: Clients, deadline?: number, quota?: number, behindNginx?: boolean }} [how] `deadline` is how
 *   long clients wait, in milliseconds, `quota` the share of a core that the service may use
 * @returns {Promise<PhaseResult[] | undefined>} `undefined` where no quota can be set
 */
export async function flood(service, phases, how = {}) {
  const { clients = 'warm', deadline = 1000, quota, behindNginx = false } = how
  const group = quota === undefined ? undefined : makeQuota(quota)
  if (quota !== undefined && group === undefined) return undefined
  const server = start(
    0,
    [script, JSON.stringify(service)],
    ['ignore', 'inherit', 'inherit', 'ipc']
  )
  const ended = once(server, 'exit')
  /** @type {Awaited<ReturnType<typeof startNginx>> | undefined} */
  let proxy
  try {
    const [servicePort] = await once(server, 'message')
    group?.add(Number(server.pid))
    let port = servicePort
    if (behindNginx) {
      const [free = 0] = await freePorts(1)
      proxy = await startNginx(free, servicePort, service.work === work.io ? 40 : 8)
      port = free
    }
    const load = { port, phases, kinds: KINDS, connections: 400, deadline, users: 200, clients }
    const client = start(1, [loader, JSON.stringify(load)], ['ignore', 'pipe', 'inherit'])
    let text = ''
    client.stdout?.on('data', (chunk) => {
      text += chunk
    })
    await once(client, 'close')
    return JSON.parse(text)
  } finally {
    await proxy?.stop()
    server.kill()
    await ended
    await group?.remove()
  }
}

/** @param {number} core @param {string[]} args @param {import('node:child_process').StdioOptions} stdio */
function start(core, args, stdio) {
  const [program = '', ...prefix] = nodeCommand(core)
  return spawn(program, [...prefix, ...args], { stdio })
}
