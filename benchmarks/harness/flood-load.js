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

/**
 * @typedef {{ name: string, rate: number, seconds: number }} Phase
 * @typedef {{ name: string, path: string, share: number }} Kind a kind of request, and its share of all
 * @typedef {{ port: number, phases: Phase[], kinds: Kind[], connections: number, deadline: number, users: number, fresh?: boolean }} Flood
 * @typedef {{ sent: number, good: number, refused: number, late: number, failed: number }} Counts
 * @typedef {Counts & { name: string, seconds: number, kinds: Record<string, Counts>, latencies: number[], refusals: number[], slots: Counts[] }} PhaseResult
 */

/** Milliseconds of one slot, in which the course of a phase is told. */
const SLOT = 250

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
    request.connection = this
    this.socket.write(request.text)
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
    request?.end(status < 300 ? 'good' : status === 503 || status === 429 ? 'refused' : 'failed')
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

class Request {
  isOver = false
  /** @type {Connection | undefined} */ connection

  /** @param {PhaseResult} phase @param {Kind} kind @param {number} due @param {number} slot @param {string} text */
  constructor(phase, kind, due, slot, text) {
    this.phase = phase
    this.kind = kind
    this.due = due
    this.slot = slot
    this.text = text
    this.#count('sent')
  }

  /** @param {'good' | 'refused' | 'late' | 'failed'} outcome */
  end(outcome) {
    if (this.isOver) return
    this.isOver = true
    this.#count(outcome)
    if (outcome !== 'late') this.connection = undefined
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
export async function sendFlood({
  port,
  phases,
  kinds,
  connections,
  deadline,
  users,
  fresh = false
}) {
  const pool = new Pool(port, connections, fresh)
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
      request.connection?.socket.destroy()
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
        const user = Math.floor(Math.random() * users)
        const text = `GET ${kind.path} HTTP/1.1\r\nHost: flood\r\nx-user: ${user}\r\n\r\n`
        const slot = Math.floor((due - begun) / SLOT)
        const request = new Request(
          /** @type {PhaseResult} */ (results[phaseIndex]),
          kind,
          due,
          slot,
          text
        )
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
