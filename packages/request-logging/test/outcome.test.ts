import type { RequestFacts } from '@holdfast/core'
import t from 'tap'
import { type End, outcomeOf } from '../dist/outcome.js'

const facts: RequestFacts = { startedAt: 0 }
const answered: End = { ending: 'finished', status: 200, facts, hijacked: false, routed: true }

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
    t.equal(outcomeOf({ ...answered, status }), outcome, String(status))
  }
})

t.test('a refusal is no server error and no client error', async (t) => {
  const refused: RequestFacts = { startedAt: 0, refusedBy: 'rate-limit' }
  t.equal(outcomeOf({ ...answered, status: 429, facts: refused }), 'refused')
  t.equal(outcomeOf({ ...answered, status: 503, routed: false }), 'refused')
  t.equal(outcomeOf({ ...answered, status: 500, routed: false }), 'server-error')
})

t.test('who did not stay for the answer, or did not get it whole, is no success', async (t) => {
  t.equal(outcomeOf({ ...answered, ending: 'aborted' }), 'aborted')
  t.equal(outcomeOf({ ...answered, ending: 'cut' }), 'cut')
})

t.test('what Node and Fastify know for certain comes first', async (t) => {
  const broken: RequestFacts = {
    startedAt: 0,
    clientError: { code: 'HPE_INVALID_CHUNK_SIZE', statusCode: 400 }
  }
  t.equal(outcomeOf({ ...answered, ending: 'aborted', facts: broken }), 'malformed')
  t.equal(outcomeOf({ ...answered, ending: 'aborted', hijacked: true }), 'hijacked')
})
