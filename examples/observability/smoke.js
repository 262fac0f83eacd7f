/**
 * Plays the example in a quarter of a minute, and ends by itself. Without Prometheus it shows what the example
 * says then.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { HOW_TO_GET_IT, hasPrometheus } from './prometheus.js'

const start = fileURLToPath(new URL('start.js', import.meta.url))
const { status, stdout, stderr } = spawnSync(process.execPath, [start, '15'], { encoding: 'utf8' })

if (hasPrometheus()) {
  assert.equal(status, 0, stdout + stderr)
  assert.match(stdout, / {2}\/orders\/:id .*at most \d+/)
  assert.match(stdout, / {2}rate-limit, exceeded .*at most \d+/)
  assert.match(stdout, / {2}payments +.*was open/)
  assert.match(stdout, / {2}payments, failure .*at most \d+/)
  console.log('Prometheus saw the limit refuse and the breaker open.')
} else {
  assert.equal(status, 1)
  assert.equal(stderr.trim(), HOW_TO_GET_IT)
  console.log(HOW_TO_GET_IT)
}
