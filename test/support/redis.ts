/**
 * A real Redis for tests: the one that `REDIS_URL` names, or private servers that a test may freeze,
 * kill and restart. Where there is none the test is skipped; with `REQUIRE_REDIS=1` it fails.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { findRedisProgram, noPrivateRedis, noRedis } from './redis-program.js'

/** What Redis answers to a command. */
export type RedisReply = string | number | null | RedisReply[]

/** A Redis that other tests may be using at the same time: choose keys of your own. */
export interface Redis {
  readonly url: string
  readonly port: number
  /** Sends one command over a connection of its own. Rejects with what Redis objects to. */
  cli(...args: (string | number)[]): Promise<RedisReply>
}

/** A Redis that only this test uses. */
export interface PrivateRedis extends Redis {
  /** Stops the process where it stands: connections stay open, nothing is answered. */
  freeze(): void
  /** Lets a frozen process go on. */
  thaw(): void
  /** Ends the process at once, frozen or not; connections break. */
  kill(): Promise<void>
  /** Starts the process again on the same port, without its data. Kills it first if it still runs. */
  restart(): Promise<void>
}

/** Three nodes that share the slots equally and have no replicas. */
export interface RedisCluster {
  readonly nodes: readonly PrivateRedis[]
}

/** A server, its replica, and a Sentinel that makes the replica the master half a second later. */
export interface RedisSentinel {
  readonly sentinel: PrivateRedis
  /** What the Sentinel calls them. */
  readonly name: string
  readonly master: PrivateRedis
  readonly replica: PrivateRedis
}

/** What is used of tap's `t`. */
interface TestContext {
  pass(message: string, extra: { skip: string }): unknown
  teardown(release: () => Promise<void>): void
}

/** A Redis for this test, or undefined if there is none and the test is skipped. */
export async function startRedis(t: TestContext): Promise<Redis | undefined> {
  const given = process.env.REDIS_URL
  if (!given) return startPrivateRedis(t)
  const url = new URL(given)
  const redis = { url: given, port: Number(url.port || 6379), cli: commandLine(url) }
  await redis.cli('PING')
  return redis
}

/** A Redis of this test's own, also where `REDIS_URL` is set, or undefined if the test is skipped. */
export async function startPrivateRedis(t: TestContext): Promise<PrivateRedis | undefined> {
  const program = programOrSkip(t)
  return program === undefined ? undefined : startServer(t, program)
}

/** A cluster of this test's own, which takes two seconds to start, or undefined if skipped. */
export async function startRedisCluster(t: TestContext): Promise<RedisCluster | undefined> {
  const program = programOrSkip(t)
  if (program === undefined) return undefined
  const nodes = await Promise.all([0, 1, 2].map(() => startServer(t, program, 'cluster')))
  await Promise.all(
    nodes.map(async (node, index) => {
      const [first, last] = [
        Math.ceil((index * 16384) / 3),
        Math.ceil(((index + 1) * 16384) / 3) - 1
      ]
      await node.cli('CLUSTER', 'SET-CONFIG-EPOCH', index + 1)
      await node.cli('CLUSTER', 'ADDSLOTSRANGE', first, last)
    })
  )
  // Every node meets every other: gossip alone takes up to three times as long to agree.
  for (const node of nodes) {
    for (const other of nodes) {
      if (other === node) continue
      await node.cli('CLUSTER', 'MEET', '127.0.0.1', other.port, other.busPort)
    }
  }
  await Promise.all(nodes.map((node) => agreement(node, nodes.length)))
  return { nodes }
}

/** A Sentinel of this test's own with what it watches, or undefined if the test is skipped. */
export async function startRedisSentinel(t: TestContext): Promise<RedisSentinel | undefined> {
  const program = programOrSkip(t)
  if (program === undefined) return undefined
  const name = 'main'
  const [master, replica] = await Promise.all([startServer(t, program), startServer(t, program)])
  await replica.cli('REPLICAOF', '127.0.0.1', master.port)
  const sentinel = await startServer(t, program, 'sentinel')
  await sentinel.cli('SENTINEL', 'MONITOR', name, '127.0.0.1', master.port, 1)
  await sentinel.cli('SENTINEL', 'SET', name, 'down-after-milliseconds', 500)
  await sentinel.cli('SENTINEL', 'SET', name, 'failover-timeout', 2000)
  const isKnown = async () =>
    String(await replica.cli('INFO', 'replication')).includes('master_link_status:up') &&
    String(await sentinel.cli('SENTINEL', 'MASTERS')).includes('slaves,1')
  const end = performance.now() + 20_000
  while (!(await isKnown())) {
    if (performance.now() > end) throw new Error('the Sentinel does not find the replica')
    await setTimeout(50)
  }
  return { sentinel, name, master, replica }
}

/** Waits until a node knows all others and serves. */
async function agreement(node: PrivateRedis, size: number): Promise<void> {
  const end = performance.now() + 20_000
  for (;;) {
    const info = String(await node.cli('CLUSTER', 'INFO'))
    if (info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${size}`)) return
    if (performance.now() > end) throw new Error(`the cluster does not come together:\n${info}`)
    await setTimeout(20)
  }
}

function programOrSkip(t: TestContext): string | undefined {
  const program = findRedisProgram()
  if (program !== undefined) return program
  const reason = process.env.REDIS_URL ? noPrivateRedis : noRedis
  if (process.env.REQUIRE_REDIS === '1') throw new Error(reason)
  t.pass('the test finds a Redis', { skip: reason })
  return undefined
}

async function startServer(
  t: TestContext,
  program: string,
  mode: 'single' | 'cluster' | 'sentinel' = 'single'
): Promise<PrivateRedis & { readonly busPort: number }> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-redis-'))
  const launch = async (port: number, busPort: number): Promise<ChildProcess> => {
    if (mode === 'sentinel') {
      const file = join(folder, 'sentinel.conf')
      await writeFile(file, `port ${port}\nbind 127.0.0.1\ndir ${folder}\n`)
      return launched(program, folder, [file, '--sentinel'])
    }
    const cluster = ['--cluster-enabled', 'yes', '--cluster-port', `${busPort}`]
    return launched(program, folder, [
      ...['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder],
      ...['--save', '', '--appendonly', 'no', '--repl-diskless-sync-delay', '0'],
      ...(mode === 'cluster' ? [...cluster, '--cluster-node-timeout', '500'] : [])
    ])
  }
  let ports = await freePorts()
  let server: ChildProcess
  try {
    server = await launch(...ports)
  } catch {
    // Somebody may have taken a port between our look and the server's: once is bad luck.
    ports = await freePorts()
    server = await launch(...ports)
  }
  const [port, busPort] = ports
  const kill = async (): Promise<void> => {
    if (server.exitCode !== null || server.signalCode !== null) return
    const exited = once(server, 'exit')
    server.kill('SIGKILL')
    await exited
  }
  t.teardown(async () => {
    await kill()
    await rm(folder, { recursive: true, force: true })
  })
  const url = `redis://127.0.0.1:${port}`
  return {
    url,
    port,
    busPort,
    cli: commandLine(new URL(url)),
    freeze: () => {
      server.kill('SIGSTOP')
    },
    thaw: () => {
      server.kill('SIGCONT')
    },
    kill,
    restart: async () => {
      await kill()
      server = await launch(port, busPort)
    }
  }
}

/** Resolves with the process once it accepts connections; rejects with its output if it ends before. */
async function launched(program: string, folder: string, args: string[]): Promise<ChildProcess> {
  const server = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  await once(server, 'spawn')
  outliveNot(server, folder)
  let output = ''
  await new Promise<void>((resolve, reject) => {
    // Both streams are read to the end, or a talkative server would block on a full pipe.
    for (const stream of [server.stdout, server.stderr]) {
      stream.setEncoding('utf8').on('data', (chunk) => {
        output += chunk
        if (/eady to accept connections|Sentinel ID is/.test(output)) resolve()
      })
    }
    server.once('close', () => reject(new Error(`${program} ended at once:\n${output}`)))
  })
  return server
}

/**
 * Lets a small shell wait for the end of this process, however it ends, and then remove the server
 * and its folder. The shell learns it from its standard input, which closes with us.
 */
function outliveNot(server: ChildProcess, folder: string): void {
  const script = 'read -r _; kill -9 "$0"; rm -rf "$1"'
  const shell = spawn('sh', ['-c', script, `${server.pid}`, folder], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true
  })
  shell.unref()
  server.once('exit', () => shell.kill('SIGKILL'))
}

async function freePorts(): Promise<[port: number, busPort: number]> {
  const probes = [createServer(), createServer()]
  const [port, busPort] = await Promise.all(
    probes.map(async (probe) => {
      await once(probe.listen(0, '127.0.0.1'), 'listening')
      return (probe.address() as AddressInfo).port
    })
  )
  await Promise.all(probes.map((probe) => once(probe.close(), 'close')))
  return [port!, busPort!]
}

/** One connection a command: slow, and never in the way of what is tested. */
function commandLine(url: URL): Redis['cli'] {
  return async (...args) => {
    const commands = [args, ['QUIT']]
    const password = decodeURIComponent(url.password)
    const user = decodeURIComponent(url.username) || 'default'
    if (password !== '') commands.unshift(['AUTH', user, password])
    const socket = connect(Number(url.port || 6379), url.hostname)
    let received = ''
    socket.setEncoding('latin1').on('data', (chunk) => {
      received += chunk
      // A Sentinel does not know how to take leave.
      if (/-ERR unknown command '?`?QUIT/.test(received)) socket.destroy()
    })
    socket.write(commands.map(encoded).join(''))
    await once(socket, 'close')
    const replies = new Replies(received)
    if (password !== '') replies.next()
    return replies.next()
  }
}

function encoded(args: readonly (string | number)[]): string {
  const parts = args.map((arg) => `$${Buffer.byteLength(`${arg}`)}\r\n${arg}\r\n`)
  return `*${args.length}\r\n${parts.join('')}`
}

/** Reads replies of Redis's protocol, one after the other, out of everything that was received. */
class Replies {
  #rest: string

  constructor(received: string) {
    this.#rest = received
  }

  /** The next reply; throws if it is an error. */
  next(): RedisReply {
    const kind = this.#rest[0]
    const line = this.#take(this.#rest.indexOf('\r\n')).slice(1)
    if (kind === '+') return line
    if (kind === ':') return Number(line)
    if (kind === '-') throw new Error(line)
    if (line === '-1') return null
    if (kind === '$') return Buffer.from(this.#take(Number(line)), 'latin1').toString()
    if (kind === '*') return Array.from({ length: Number(line) }, () => this.next())
    throw new Error('the connection ended before the reply')
  }

  #take(length: number): string {
    const taken = this.#rest.slice(0, length)
    this.#rest = this.#rest.slice(length + 2)
    return taken
  }
}
