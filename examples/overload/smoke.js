/**
 * Plays the example for two seconds each, and ends by itself.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const start = fileURLToPath(new URL('start.js', import.meta.url))
const { status, stdout } = spawnSync(process.execPath, [start, '2'], { encoding: 'utf8' })
assert.equal(status, 0, stdout)
assert.match(stdout, /served \d+ without, \d+ with load shedding/)
console.log(stdout.trim().split('\n').at(-1))
