import fc from 'fast-check'
import t from 'tap'
import { isRoutine, keepsId, keepsTrace } from '../dist/sampling.js'

const traceId = fc
  .uint8Array({ minLength: 16, maxLength: 16 })
  .map((bytes) => Buffer.from(bytes).toString('hex'))

t.test('only what went as usual may be left out', async (t) => {
  for (const outcome of ['ok', 'hijacked'] as const) t.ok(isRoutine(outcome))
  for (const outcome of [
    'client-error',
    'server-error',
    'refused',
    'aborted',
    'cut',
    'malformed'
  ] as const) {
    t.notOk(isRoutine(outcome))
  }
})

t.test('the same trace is decided the same, and a greater share holds the smaller', async (t) => {
  const property = fc.property(traceId, fc.double({ min: 0, max: 1, noNaN: true }), (id, rate) => {
    const kept = keepsTrace(id, rate)
    return kept === keepsTrace(id, rate) && (!kept || keepsTrace(id, (1 + rate) / 2))
  })
  t.doesNotThrow(() => fc.assert(property))
})

t.test('all or none at the ends', async (t) => {
  const property = fc.property(traceId, fc.string(), (id, text) => {
    return keepsTrace(id, 1) && !keepsTrace(id, 0) && keepsId(text, 1) && !keepsId(text, 0)
  })
  t.doesNotThrow(() => fc.assert(property))
})

t.test('a trace is kept as OpenTelemetry keeps it, by the last 56 bits', async (t) => {
  const random = (digits: string): string => `${'0'.repeat(18)}${digits.padEnd(14, '0')}`
  t.equal(keepsTrace(random('80'), 0.5), true)
  t.equal(keepsTrace(random('7fffffff'), 0.5), false)
  t.equal(keepsTrace(random('e666666700'), 0.1), true)
  t.equal(keepsTrace(random('e666666500'), 0.1), false)
})

t.test('ids that differ in the last character only are kept in the share', async (t) => {
  for (const rate of [0.01, 0.1, 0.5]) {
    let kept = 0
    for (let n = 0; n < 20_000; n++) if (keepsId(`req-${n.toString(36)}`, rate)) kept++
    t.ok(Math.abs(kept / 20_000 - rate) < 0.01, `${kept} of 20000 at ${rate}`)
  }
})
