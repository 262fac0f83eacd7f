/**
 * A real HAProxy in front of servers of this machine, as strict as it can be set: it checks whether
 * each server is ready, keeps its connections alive, and sends no request a second time.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

/** How often the balancer asks each server, in milliseconds. One answer turns its mind. */
const CHECK_INTERVAL = 200

/** @typedef {Record<string, string>} ServerFacts what HAProxy tells of a server, by its own names */

/**
 * @typedef {object} Balancer
 * @property {string} url
 * @property {() => Promise<ServerFacts[]>} servers in the order of the ports
 * @property {(index: number, status: 'UP' | 'DOWN') => Promise<void>} turned resolves when it thinks so of a server
 * @property {() => Promise<void>} stop
 */

/**
 * Starts HAProxy in front of servers on these ports of the loopback address.
 *
 * @param {readonly number[]} ports
 * @returns {Promise<Balancer>}
 */
export async function startHaproxy(ports) {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-haproxy-'))
  const [port] = await freePorts(1)
  const control = join(folder, 'control')
  const config = join(folder, 'haproxy.cfg')
  await writeFile(
    config,
    `
global
  stats socket ${control} mode 600
defaults
  mode http
  timeout connect 2s
  timeout client 20s
  timeout server 20s
  timeout http-keep-alive 20s
  retries 0
  option forwardfor
frontend clients
  bind 127.0.0.1:${port}
  default_backend service
backend service
  balance roundrobin
  http-reuse always
  option httpchk GET /readyz
  http-check expect status 200
  default-server check inter ${CHECK_INTERVAL} fall 1 rise 1
${ports.map((each, index) => `  server instance${index} 127.0.0.1:${each}`).join('\n')}
`
  )
  const child = spawn('haproxy', ['-db', '-f', config], { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (chunk) => {
    said += chunk
  })
  const exited = once(child, 'exit')

  const servers = async () => factsOf(await ask(control, 'show stat -1 4 -1'))
  await until(async () => {
    if (child.exitCode !== null) throw new Error(`haproxy ended at once:\n${said}`)
    return (await servers().catch(() => [])).length === ports.length
  })
  return {
    url: `http://127.0.0.1:${port}`,
    servers,
    turned: (index, status) =>
      until(async () => (await servers())[index]?.['status']?.startsWith(status) === true),
    stop: async () => {
      child.kill('SIGKILL')
      await exited
      await rm(folder, { recursive: true, force: true })
    }
  }
}

/**
 * Ports of the loopback address that nobody uses.
 *
 * @param {number} count
 */
export async function freePorts(count) {
  const probes = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(probes.map((probe) => once(probe, 'listening')))
  const ports = probes.map((probe) => {
    const address = probe.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  })
  await Promise.all(probes.map((probe) => once(probe.close(), 'close')))
  return ports
}

/** @param {string} control @param {string} command @returns {Promise<string>} */
async function ask(control, command) {
  const socket = connect(control)
  socket.end(`${command}\n`)
  let text = ''
  for await (const chunk of socket.setEncoding('utf8')) text += chunk
  return text
}

/** @param {string} csv @returns {ServerFacts[]} */
function factsOf(csv) {
  const [head = '', ...rows] = csv.replace(/^# /, '').trim().split('\n')
  const names = head.split(',')
  return rows.map((row) => {
    const values = row.split(',')
    return Object.fromEntries(names.map((name, index) => [name, values[index] ?? '']))
  })
}

/** @param {() => Promise<boolean>} condition */
async function until(condition) {
  const end = performance.now() + 20_000
  while (!(await condition())) {
    if (performance.now() > end) throw new Error('HAProxy does not come round within 20 s')
    await wait(20)
  }
}
