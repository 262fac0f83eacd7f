/** Plays the example, and checks what it says. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const start = fileURLToPath(new URL('start.js', import.meta.url))
const { status, stdout } = spawnSync(process.execPath, [start], {
  encoding: 'utf8',
  timeout: 60_000
})
assert.equal(status, 0, stdout)
assert.match(stdout, /^\| catalog \| +10 \| +0 \| +0 \| +10 \|$/m)
assert.match(stdout, /^\| reviews \| +0 \| +5 \| +5 \| +5 \|$/m)
console.log(stdout.trim().split('\n').at(-1))
