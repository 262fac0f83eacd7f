/**
 * Makes the pictures of the gateway's README anew: plays its acts, and takes one of the console in each.
 *
 *     node test/support/gateway-pictures.js
 *
 * It needs Chromium, and takes a minute.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { chromium } from 'playwright-core'
import { root } from './pack.js'
import { CHROMIUM, findProgram } from './programs.js'

const FOLDER = join(root, 'examples', 'gateway', 'pictures')
const WIDTH = 1120
const JSON_BODY = { 'content-type': 'application/json' }

const gateway = spawn(process.execPath, [join(root, 'examples', 'gateway', 'start.js')], {
  env: { ...process.env, PORT: '0', PAYMENTS_PORT: '0', CONSOLE_PORT: '0', DRAIN_DELAY: '8s' },
  stdio: ['ignore', 'pipe', 'inherit']
})
let output = ''
gateway.stdout.setEncoding('utf8').on('data', (chunk) => {
  output += chunk
})

/** @param {RegExp} pattern */
async function printed(pattern) {
  for (;;) {
    const match = pattern.exec(output)
    if (match !== null) return String(match[1])
    await once(gateway.stdout, 'data')
  }
}

const url = await printed(/orders API listens on (\S+),/)
const payments = await printed(/payments service behind it on (\S+)\./)
const page = await printed(/console, to watch them: (\S+)/)

async function order() {
  const body = JSON.stringify({ item: 'tea', amount: 4.5 })
  const answer = await fetch(`${url}/orders`, { method: 'POST', headers: JSON_BODY, body })
  await answer.arrayBuffer()
}

async function read() {
  const answer = await fetch(`${url}/orders/1`)
  await answer.arrayBuffer()
}

/** @param {string} mode */
async function tell(mode) {
  const body = JSON.stringify({ mode })
  await fetch(`${payments}/behaviour`, { method: 'PUT', headers: JSON_BODY, body })
}

/**
 * Sends orders, and reads them, for so many seconds.
 *
 * @param {number} seconds
 * @param {number} [reads] a second
 */
async function traffic(seconds, reads = 1) {
  for (let second = 0; second < seconds; second++) {
    const sent = [order(), order(), order(), ...Array.from({ length: reads }, read)]
    // A service that stops answers nobody in the end.
    await Promise.all([wait(1000), ...sent.map((one) => one.catch(() => {}))])
  }
}

const browser = await chromium.launch({
  executablePath: findProgram(...CHROMIUM) ?? '',
  args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-quic']
})
const tab = await browser.newPage({ viewport: { width: WIDTH, height: 1180 } })
await tab.goto(page)

/** @param {number} act */
async function picture(act) {
  await tab.screenshot({ path: join(FOLDER, `act-${act}.png`) })
}

await traffic(12)
await picture(1)
await traffic(3, 12)
await picture(2)
await traffic(8)
await tell('uneven')
await traffic(12)
await picture(5)
await tell('ok')
await traffic(5)
await tell('fail')
await traffic(3)
await picture(3)
await tell('ok')
await traffic(8)
gateway.kill('SIGTERM')
await traffic(3)
await picture(4)
await browser.close()
await once(gateway, 'close')
