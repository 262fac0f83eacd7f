/**
 * Starts the example on free ports, asks it, stops it under load, and ends by itself: with 0 when
 * everything was as the README says.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})
setTimeout(() => {
  console.error('The example did not end within 30 seconds.')
  process.exit(1)
}, 30_000).unref()

/**
 * Starts one of the example's files.
 *
 * @param {string} file
 * @param {...string} args
 */
function start(file, ...args) {
  const child = spawn(process.execPath, [fileURLToPath(new URL(file, import.meta.url)), ...args], {
    env: { ...process.env, PORT: '0', PAYMENTS_PORT: '0', CONSOLE_PORT: '0', DRAIN_DELAY: '3s' },
    stdio: ['ignore', 'pipe', 'inherit']
  })
  running.add(child)
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    output += chunk
  })
  const ended = once(child, 'close').then(([code]) => {
    running.delete(child)
    return code
  })

  return {
    child,
    ended,
    /** @param {RegExp} pattern */
    async printed(pattern) {
      for (;;) {
        const match = pattern.exec(output)
        if (match !== null) return match
        assert.ok(running.has(child), `${file} ended before it said ${pattern}`)
        await Promise.race([once(child.stdout, 'data'), ended])
      }
    }
  }
}

const gateway = start('start.js')
const [, url = ''] = await gateway.printed(/orders API listens on (\S+),/)
assert.equal((await fetch(new URL('/orders/1', url))).status, 200)
assert.equal((await fetch(new URL('/readyz', url))).status, 200)

const load = start('load.js', url)
await load.printed(/Sending orders/)
await wait(1000)
gateway.child.kill('SIGTERM')
const [tally] = await load.printed(/.* lost\..*/)
assert.equal(await load.ended, 0, tally)
assert.equal(await gateway.ended, 0, 'the gateway leaves with 0')
console.log(`The gateway left under load: ${tally}`)
