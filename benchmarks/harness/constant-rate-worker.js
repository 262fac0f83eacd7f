/**
 * Sends requests at a constant rate over raw keep-alive sockets, and prints what became of them. It asks the
 * clock in every turn of the event loop, so that the requests come one by one, not some each millisecond.
 *
 * Usage: node constant-rate-worker.js <url> <requests a second> <seconds> <connections>
 */
import { connect } from 'node:net'
import { ConstantRate } from './constant-rate.js'
import { percentile } from './statistics.js'

const [, , address = '', perSecond, seconds, connections] = process.argv
const { hostname, port, pathname, host } = new URL(address)
const request = `GET ${pathname} HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: bench\r\n\r\n`

/** @type {number[]} */
const latencies = []
let failures = 0
let errors = 0

/** @param {string} answer so far @returns {boolean} */
function isComplete(answer) {
  const head = answer.indexOf('\r\n\r\n')
  const length = /content-length: (\d+)/i.exec(answer)?.[1]
  return head >= 0 && answer.length >= head + 4 + Number(length ?? 0)
}

function connection() {
  const socket = connect(Number(port), hostname)
  socket.setNoDelay(true)
  socket.setEncoding('latin1')
  // A server that lets go of a connection leaves requests without an answer: there is no result then.
  socket.on('error', () => {})
  socket.on('close', () => {
    errors++
    report()
  })
  let answer = ''
  let due = 0
  socket.on('data', (text) => {
    answer += text
    if (!isComplete(answer)) return
    if (!answer.startsWith('HTTP/1.1 200')) failures++
    answer = ''
    latencies.push(performance.now() - due)
    idle.push(send)
  })
  /** @param {number} since when it was due */
  const send = (since) => {
    due = since
    socket.write(request)
  }
  return new Promise((resolve) => socket.once('connect', () => resolve(send)))
}

/** @type {((due: number) => void)[]} */
const idle = await Promise.all(Array.from({ length: Number(connections) }, connection))
const begin = performance.now()
const rate = new ConstantRate({ perSecond: Number(perSecond), seconds: Number(seconds), begin })

function turn() {
  const now = performance.now()
  while (idle.length > 0) {
    const due = rate.take(now)
    if (due === undefined) break
    idle.shift()?.(due)
  }
  if (!rate.isOver || idle.length < Number(connections)) setImmediate(turn)
  else report()
}

function report() {
  const load = {
    requests: latencies.length,
    seconds: (performance.now() - begin) / 1000,
    p99: percentile(latencies, 0.99),
    failures,
    errors
  }
  process.stdout.write(`${JSON.stringify(load)}\n`, () => process.exit(0))
}

turn()
