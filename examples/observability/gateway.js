/**
 * The gateway of `examples/gateway` and its payments service, started on free ports.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { freePort } from './free-port.js'

const START = fileURLToPath(new URL('../gateway/start.js', import.meta.url))
const READY = /orders API listens on (\S+), the payments service behind it on (\S+)\.\n/

/** Starts both, and resolves when they listen. */
export async function startGateway() {
  const adminPort = await freePort()
  const child = spawn(process.execPath, [START], {
    env: {
      ...process.env,
      PORT: '0',
      PAYMENTS_PORT: '0',
      CONSOLE_PORT: String(adminPort),
      ORDER_READS: '100',
      DRAIN_DELAY: '0'
    },
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const ended = once(child, 'close')
  let text = ''
  /** @type {Promise<RegExpExecArray>} */
  const ready = new Promise((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (chunk) => {
      // Its log lines are not kept once it is known where it listens.
      if (READY.test(text)) return
      text += chunk
      const match = READY.exec(text)
      if (match !== null) resolve(match)
    })
    child.once('close', () => reject(new Error(`The gateway did not start:\n${text}`)))
  })
  const [, url = '', paymentsUrl = ''] = await ready
  return {
    url,
    paymentsUrl,
    /** Where its metrics are, which only this machine reaches. */
    admin: `127.0.0.1:${adminPort}`,
    async stop() {
      child.kill()
      await ended
    }
  }
}
