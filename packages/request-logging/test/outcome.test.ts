import type { RequestFacts } from '@holdfast/core'
import t from 'tap'
import { outcomeOf } from '../dist/outcome.js'

const facts: RequestFacts = { startedAt: 0 }

t.test('an answer is judged by its status', async (t) => {
  for (const [status, outcome] of [
    [200, 'ok'],
    [304, 'ok'],
    [399, 'ok'],
    [400, 'client-error'],
    [499, 'client-error'],
    [500, 'server-error'],
    [503, 'server-error']
  ] as const) {
    t.equal(outcomeOf('finished', status, facts, false, true), outcome, String(status))
  }
})

t.test('a refusal is no server error and no client error', async (t) => {
  const refused: RequestFacts = { startedAt: 0, refusedBy: 'rate-limit' }
  t.equal(outcomeOf('finished', 429, refused, false, true), 'refused')
  t.equal(outcomeOf('finished', 503, facts, false, false), 'refused')
  t.equal(outcomeOf('finished', 500, facts, false, false), 'server-error')
})

t.test('who did not stay for the answer, or did not get it whole, is no success', async (t) => {
  t.equal(outcomeOf('aborted', 200, facts, false, true), 'aborted')
  t.equal(outcomeOf('cut', 200, facts, false, true), 'cut')
})

t.test('what Node and Fastify know for certain comes first', async (t) => {
  const broken: RequestFacts = {
    startedAt: 0,
    clientError: { code: 'HPE_INVALID_CHUNK_SIZE', statusCode: 400 }
  }
  t.equal(outcomeOf('aborted', 200, broken, false, true), 'malformed')
  t.equal(outcomeOf('aborted', 200, facts, true, true), 'hijacked')
})
