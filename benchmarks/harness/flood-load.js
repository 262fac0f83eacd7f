/**
 * Load as the world sends it: at random moments, whatever has become of the requests before. Over the
 * warmed connections of a pool, as a proxy has them. A request that is not answered in time is given
 * up, and its connection closed.
 *
 *     node flood-load.js '{ "port": 3000, "phases": [{ "rate": 100, "seconds": 1 }], ... }'
 *
 * Prints what became of the requests of each phase, as JSON. It should have a core of its own.
 */
import { connect } from 'node:net'
import { fileURLToPath } from 'node:url'
import { SessionPool } from './flood-sessions.js'

/**
 * @typedef {{ name: string, rate: number, seconds: number }} Phase
 * @typedef {{ name: string, path: string, share: number }} Kind a kind of request, and its share of all
 * @typedef {'warm' | 'fresh' | 'retrying' | 'http2'} Clients over connections that are open already; each over
 *   one of its own; asking again, up to twice, when they are refused; over HTTP/2
 * @typedef {{ port: number, phases: Phase[], kinds: Kind[], connections: number, deadline: number, users: number, clients: Clients }} Flood
 * @typedef {{ sent: number, good: number, refused: number, late: number, failed: number }} Counts
 * @typedef {Counts & { name: string, seconds: number, kinds: Record<string, Counts>, latencies: number[], refusals: number[], slots: Counts[] }} PhaseResult
 */

/** Milliseconds of one slot, in which the course of a phase is told. */
const SLOT = 250
/** How often a retrying client asks again, and after how many milliseconds: at least, and at most so many more. */
const RETRIES = 2
const RETRY_AFTER = 100
const RETRY_SPREAD = 100

/** @returns {Counts} */
const noCounts = () => ({ sent: 0, good: 0, refused: 0, late: 0, failed: 0 })

class Connection {
  /** @type {import('node:net').Socket} */ socket
  /** @type {Request | undefined} */ request
  #received = ''

  /** @param {Pool} pool */
  constructor(pool) {
    this.pool = pool
    this.socket = connect(pool.port, '127.0.0.1')
    this.socket.setNoDelay(true)
    this.socket.setEncoding('latin1')
    this.socket.on('data', (chunk) => this.#read(String(chunk)))
    this.socket.on('error', () => {})
    this.socket.on('close', () => {
      const { request } = this
      this.request = undefined
      pool.lose(this)
      request?.end('failed')
    })
  }

  /** @param {Request} request */
  send(request) {
    this.request = request
    request.leave = () => this.socket.destroy()
    this.socket.write(
      `GET ${request.path} HTTP/1.1\r\nHost: flood\r\nx-user: ${request.user}\r\n\r\n`
    )
  }

  /** @param {string} chunk */
  #read(chunk) {
    this.#received += chunk
    const head = this.#received.indexOf('\r\n\r\n')
    if (head < 0) return
    const length = /\r\ncontent-length: (\d+)/i.exec(this.#received)?.[1]
    if (this.#received.length < head + 4 + Number(length)) return
    const status = Number(this.#received.slice(9, 12))
    const closes = /\r\nconnection: close/i.test(this.#received.slice(0, head))
    this.#received = ''
    const { request } = this
    this.request = undefined
    request?.answer(status)
    if (closes || this.pool.isFresh) this.socket.destroy()
    else this.pool.giveBack(this)
  }
}

class Pool {
  /** @type {Connection[]} */ idle = []
  /** @type {Request[]} */ waiting = []
  open = 0

  /** @param {number} port @param {number} size @param {boolean} isFresh a connection for each request */
  constructor(port, size, isFresh) {
    this.port = port
    this.size = size
    this.isFresh = isFresh
  }

  warm() {
    if (this.isFresh) return
    while (this.open < this.size) this.idle.push(this.#connect())
  }

  /** @param {Request} request */
  send(request) {
    const connection = this.idle.pop() ?? (this.open < this.size ? this.#connect() : undefined)
    if (connection === undefined) this.waiting.push(request)
    else connection.send(request)
  }

  /** @param {Connection} connection */
  giveBack(connection) {
    let request = this.waiting.shift()
    while (request?.isOver) request = this.waiting.shift()
    if (request === undefined) this.idle.push(connection)
    else connection.send(request)
  }

  /** @param {Connection} connection */
  lose(connection) {
    this.open--
    const index = this.idle.indexOf(connection)
    if (index >= 0) this.idle.splice(index, 1)
    if (this.waiting.length > 0) this.giveBack(this.#connect())
  }

  #connect() {
    this.open++
    return new Connection(this)
  }
}

export class Request {
  isOver = false
  /** Ends what was sent: its client leaves. @type {() => void} */ leave = () => {}
  /** Sends it again; `undefined` for a client that does not. @type {(() => void) | undefined} */ again
  #tries = 0

  /** @param {PhaseResult} phase @param {Kind} kind @param {number} due @param {number} slot @param {string} user */
  constructor(phase, kind, due, slot, user) {
    this.phase = phase
    this.kind = kind
    this.due = due
    this.slot = slot
    this.user = user
    this.#count('sent')
  }

  get path() {
    return this.kind.path
  }

  /** @param {number} status of the answer; 0 when the connection ended without one */
  answer(status) {
    const isRefused = status === 503 || status === 429
    if (isRefused && this.again !== undefined && this.#tries < RETRIES && !this.isOver) {
      this.#tries++
      this.leave = () => {}
      setTimeout(this.again, RETRY_AFTER + Math.random() * RETRY_SPREAD)
      return
    }
    this.end(status >= 200 && status < 300 ? 'good' : isRefused ? 'refused' : 'failed')
  }

  /** @param {'good' | 'refused' | 'late' | 'failed'} outcome */
  end(outcome) {
    if (this.isOver) return
    this.isOver = true
    this.#count(outcome)
    if (outcome === 'late') this.leave()
    if (outcome === 'good') this.phase.latencies.push(performance.now() - this.due)
    if (outcome === 'refused') this.phase.refusals.push(performance.now() - this.due)
  }

  /** @param {keyof Counts} outcome */
  #count(outcome) {
    this.phase[outcome]++
    const { kinds, slots } = this.phase
    const kind = kinds[this.kind.name] ?? noCounts()
    const slot = slots[this.slot] ?? noCounts()
    kinds[this.kind.name] = kind
    slots[this.slot] = slot
    kind[outcome]++
    slot[outcome]++
  }
}

/** @param {Flood} flood @returns {Promise<PhaseResult[]>} */
export async function sendFlood({ port, phases, kinds, connections, deadline, users, clients }) {
  const pool =
    clients === 'http2' ? new SessionPool(port) : new Pool(port, connections, clients === 'fresh')
  pool.warm()
  await new Promise((resolve) => setTimeout(resolve, 300))
  /** @type {PhaseResult[]} */
  const results = phases.map(({ name, seconds }) => ({
    ...noCounts(),
    ...{ name, seconds, kinds: {}, latencies: [], refusals: [], slots: [] }
  }))
  /** @type {Request[]} */
  const sent = []
  let given = 0
  let phaseIndex = 0
  let begun = performance.now()
  let due = begun
  const drop = () => {
    const limit = performance.now() - deadline
    for (; given < sent.length && /** @type {Request} */ (sent[given]).due < limit; given++) {
      const request = /** @type {Request} */ (sent[given])
      if (request.isOver) continue
      request.end('late')
    }
  }
  await new Promise((resolve) => {
    const tick = () => {
      const now = performance.now()
      while (phaseIndex < phases.length && due <= now) {
        const phase = /** @type {Phase} */ (phases[phaseIndex])
        const end = begun + phase.seconds * 1000
        due += (-Math.log(1 - Math.random()) / phase.rate) * 1000
        if (due >= end) {
          due = begun = end
          phaseIndex++
          continue
        }
        const kind = pick(kinds)
        const user = String(Math.floor(Math.random() * users))
        const slot = Math.floor((due - begun) / SLOT)
        const request = new Request(
          /** @type {PhaseResult} */ (results[phaseIndex]),
          kind,
          due,
          slot,
          user
        )
        if (clients === 'retrying') {
          request.again = () => {
            if (!request.isOver) pool.send(request)
          }
        }
        sent.push(request)
        pool.send(request)
      }
      drop()
      if (phaseIndex < phases.length || given < sent.length) setTimeout(tick, 1)
      else resolve(undefined)
    }
    tick()
  })
  return results
}

/** @param {Kind[]} kinds @returns {Kind} */
function pick(kinds) {
  let left = Math.random()
  for (const kind of kinds) {
    left -= kind.share
    if (left < 0) return kind
  }
  return /** @type {Kind} */ (kinds.at(-1))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const results = await sendFlood(JSON.parse(String(process.argv[2])))
  process.stdout.write(JSON.stringify(results), () => process.exit(0))
}
