/**
 * Starts the shop on a free port, asks it what the README asks, stops it, and ends by itself: with 0 when
 * everything was as the README says.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

setTimeout(() => {
  console.error('The example did not end within 60 seconds.')
  process.exit(1)
}, 60_000).unref()

const shop = spawn(process.execPath, [fileURLToPath(new URL('main.js', import.meta.url))], {
  env: { ...process.env, PORT: '0', PAYMENTS: 'down' },
  stdio: ['ignore', 'pipe', 'pipe']
})
process.once('exit', () => shop.kill('SIGKILL'))
const ended = once(shop, 'close')
let output = ''
shop.stdout.setEncoding('utf8').on('data', (text: string) => {
  output += text
})
let errors = ''
shop.stderr.setEncoding('utf8').on('data', (text: string) => {
  errors += text
})

async function address(): Promise<string> {
  for (;;) {
    const [, port] = /listening at http:[^"]+:(\d+)"/.exec(output) ?? []
    if (port !== undefined) return `http://127.0.0.1:${port}`
    assert.equal(shop.exitCode, null, output + errors)
    await Promise.race([once(shop.stdout, 'data'), ended])
  }
}
const url = await address()

async function statuses(times: number, path: string, init?: RequestInit): Promise<number[]> {
  const seen = []
  for (let time = 0; time < times; time++) seen.push((await fetch(url + path, init)).status)
  return seen
}
const order = {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: '{"amount":4.5}'
}

assert.deepEqual(await statuses(6, '/orders/1'), [200, 200, 200, 200, 200, 429])
assert.deepEqual(await statuses(4, '/orders', order), [500, 500, 500, 503])
assert.deepEqual(await statuses(4, '/orders/1/parcel'), [500, 500, 500, 503])
const refused = await fetch(`${url}/orders`, order)
assert.match(refused.headers.get('retry-after') ?? '', /^\d+$/)
const { message } = (await refused.json()) as { message: string }
assert.match(message, /^The circuit breaker "payments" is open\. Try again in \d+ s\.$/)

shop.kill('SIGTERM')
assert.deepEqual(await ended, [0, null], output + errors)
assert.doesNotMatch(errors, /CircuitOpenError/, 'a refusal is no error')
assert.match(output, /payments: every answer is out\npayments: closed\n[\s\S]*"msg":"shut down"/)
const lines = output.split('\n').filter((line) => line.startsWith('{'))
const warnings = lines
  .map((line) => JSON.parse(line))
  .filter(({ level, reqId }) => level >= 40 && !reqId)
assert.deepEqual(
  warnings.map(({ msg }) => msg),
  ['circuit breaker "payments" opened', 'circuit breaker "GET /orders/:id/parcel" opened']
)
console.log('Limited and guarded by decorator; the shutdown hooks of Nest ran as a step.')
