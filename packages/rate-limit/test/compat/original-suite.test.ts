/**
 * The tests of @fastify/rate-limit itself, run against this package.
 */
import t from 'tap'
import { startPrivateRedis } from '../../../../test/support/redis.ts'
import { OutOfReachError, runOriginalSuite } from './original-suite.js'

t.setTimeout(180_000)

t.test('every test that @fastify/rate-limit 11.2.0 passes is passed', async (t) => {
  const redis = await startPrivateRedis(t)
  if (redis === undefined) return
  try {
    const { output, ...counts } = await runOriginalSuite(redis.port)
    const failures = output.split('\n').filter((line) => /^ *not ok/.test(line))
    t.strictSame({ ...counts, failures }, { passed: 113, failed: 0, skipped: 1, failures: [] })
  } catch (error) {
    if (!(error instanceof OutOfReachError)) throw error
    t.pass('not run', { skip: error.message })
  }
})
