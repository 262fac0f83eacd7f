/**
 * Plays the example for two seconds, where there is a Redis, and ends by itself.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

if (spawnSync('redis-server', ['--version']).error === undefined) {
  const start = fileURLToPath(new URL('start.js', import.meta.url))
  const { status, stdout } = spawnSync(process.execPath, [start, '2'], {
    encoding: 'utf8',
    // A busy machine may hold up Redis for longer than the default.
    env: { ...process.env, STORE_TIMEOUT: '10s' }
  })
  assert.equal(status, 0, stdout)
  assert.match(stdout, /admitted \d+ \+ \d+ \+ \d+ \+ \d+ = \d+, at most \d+; denied \d+/)
  console.log(stdout.trim().split('\n').at(-1))
} else {
  console.log('skipped: there is no redis-server on the PATH')
}
