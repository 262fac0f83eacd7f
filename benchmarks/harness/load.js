/**
 * Keep-alive load for a moment. As much as the server can answer: by wrk where it is installed, by autocannon
 * elsewhere. At a constant rate: by a small client of our own.
 *
 * @typedef {{ requests: number, seconds: number, p99: number, failures: number }} Load requests answered, the
 *   99th percentile of the latency in milliseconds, and how many answers were not a success
 * @typedef {Load & { errors: number }} Answer `errors`: connections that failed, and requests without an answer
 */
import { spawn, spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { canPin, nodeCommand } from './nodes.js'

const hasWrk = spawnSync('wrk', ['--version']).error === undefined
const constantRate = fileURLToPath(new URL('constant-rate-worker.js', import.meta.url))
const autocannon = createRequire(import.meta.url).resolve('autocannon')

/** The name of the program that makes the load, for the report. */
export const loader = hasWrk ? 'wrk' : 'autocannon'

/**
 * @param {Answer} answer
 * @param {string} url
 * @returns {Load}
 * @throws where a connection failed, or a request had no answer: such a run is no result
 */
function withoutErrors({ errors, ...load }, url) {
  if (errors > 0 || load.requests === 0) {
    throw new Error(`${errors} socket errors beside ${load.requests} answers of ${url}`)
  }
  return load
}

/**
 * @param {string} url
 * @param {{ connections?: number, seconds: number, headers?: Record<string, string> }} options
 * @returns {Promise<Load>}
 */
export async function load(url, { connections = 50, seconds, headers = {} }) {
  const answer = hasWrk
    ? await wrk(url, connections, Math.max(1, Math.round(seconds)), headers)
    : await cannon(url, connections, Math.max(1, seconds), headers)
  return withoutErrors(answer, url)
}

/**
 * A percentile counts from the moment a request was due, not from when it was sent.
 *
 * @param {string} url
 * @param {{ perSecond: number, connections?: number, seconds: number }} options
 * @returns {Promise<Load>}
 */
export async function constantLoad(url, { perSecond, connections = 50, seconds }) {
  const options = [perSecond, seconds, connections].map(String)
  return withoutErrors(
    JSON.parse(await output([...nodeCommand(1), constantRate, url, ...options])),
    url
  )
}

/** @param {string} url @param {number} connections @param {number} seconds @param {Record<string, string>} headers @returns {Promise<Answer>} */
async function wrk(url, connections, seconds, headers) {
  const given = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`])
  const pinned = canPin ? ['taskset', '-c', '1', 'wrk'] : ['wrk']
  const text = await output([
    ...pinned,
    '-t1',
    `-c${connections}`,
    `-d${seconds}s`,
    '--latency',
    ...given,
    url
  ])
  const [, requests = '0', exact = '1', unit = 's'] =
    /(\d+) requests in ([\d.]+)(ms|s|m)/.exec(text) ?? []
  const [, p99 = '0', p99Unit = 'ms'] = /99%\s+([\d.]+)(us|ms|s)/.exec(text) ?? []
  const toSeconds = { ms: 0.001, s: 1, m: 60 }[unit] ?? 1
  const toMilliseconds = { us: 0.001, ms: 1, s: 1000 }[p99Unit] ?? 1
  return {
    requests: Number(requests),
    seconds: Number(exact) * toSeconds,
    p99: Number(p99) * toMilliseconds,
    failures: Number(/Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? 0),
    errors: socketErrorsOf(text)
  }
}

/** What wrk prints of them, if there were any. @param {string} text */
function socketErrorsOf(text) {
  const [, counts = ''] = /Socket errors: (.*)/.exec(text) ?? []
  return (counts.match(/\d+/g) ?? []).reduce((sum, count) => sum + Number(count), 0)
}

/** @param {string} url @param {number} connections @param {number} seconds @param {Record<string, string>} headers @returns {Promise<Answer>} */
async function cannon(url, connections, seconds, headers) {
  const given = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}=${value}`])
  const text = await output([
    ...nodeCommand(1),
    autocannon,
    '--json',
    '-c',
    String(connections),
    '-d',
    String(seconds),
    ...given,
    url
  ])
  const { requests, duration, latency, non2xx, errors, timeouts } = JSON.parse(text)
  const { total } = requests
  return {
    requests: total,
    seconds: duration,
    p99: latency.p99,
    failures: non2xx,
    errors: errors + timeouts
  }
}

/** @param {string[]} command @returns {Promise<string>} */
function output([program = '', ...args]) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'] })
    let text = ''
    child.stdout.on('data', (chunk) => {
      text += chunk
    })
    child.on('error', reject)
    child.on('close', () => resolve(text))
  })
}
