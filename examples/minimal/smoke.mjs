/**
 * Starts both files on a free port, asks each until it says 429, and ends by itself.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

for (const file of ['esm.mjs', 'commonjs.cjs']) {
  const child = spawn(process.execPath, [fileURLToPath(new URL(file, import.meta.url))], {
    env: { ...process.env, PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit']
  })
  try {
    const url = await addressOf(child.stdout)
    const statuses = []
    for (let request = 0; request < 11; request++) statuses.push((await fetch(url)).status)
    assert.deepEqual(statuses, [...Array(10).fill(200), 429], `what ${file} answered`)
    console.log(`${file}: ten times 200, then 429`)
  } finally {
    child.kill()
    await once(child, 'close')
  }
}

/**
 * Reads the log up to the line that tells the address.
 *
 * @param {import('node:stream').Readable} log
 */
async function addressOf(log) {
  for await (const line of createInterface({ input: log })) {
    const match = /Server listening at (http[^"]+)/.exec(line)
    if (match?.[1] !== undefined) return match[1]
  }
  throw new Error('The example ended before it listened.')
}
