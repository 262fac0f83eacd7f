/**
 * What is kept of the requests of a route that ended alike.
 */
import type { IncomingMessage } from 'node:http'
import fc from 'fast-check'
import t from 'tap'
import { DEFAULT_LEVELS, type SettledRequest } from '../dist/level.js'
import { decideLevel, type LineRules } from '../dist/line-decision.js'
import { Silence } from '../dist/silence.js'
import { Verdicts } from '../dist/verdict.js'

const RULES: LineRules = {
  silent: false,
  silence: new Silence(['probes']),
  probe: false,
  levels: DEFAULT_LEVELS,
  slow: 1000,
  sample: 1,
  semicolons: false
}

const OK: SettledRequest = {
  outcome: 'ok',
  status: 200,
  duration: 1,
  slow: false,
  error: undefined,
  request: undefined,
  reply: undefined
}

const anySettled = fc.record({
  outcome: fc.constantFrom('ok', 'client-error', 'server-error', 'refused', 'aborted', 'cut'),
  status: fc.constantFrom(200, 404, 500, undefined),
  duration: fc.constant(1),
  slow: fc.boolean(),
  error: fc.constantFrom(undefined, new Error('wrong')),
  request: fc.constant(undefined),
  reply: fc.constant(undefined)
}) as fc.Arbitrary<SettledRequest>

const anyRules: fc.Arbitrary<LineRules> = fc
  .record({
    silent: fc.boolean(),
    probe: fc.boolean(),
    sample: fc.constantFrom(0, 0.5, 1),
    silence: fc.constantFrom(
      RULES.silence,
      new Silence(['/metrics']),
      new Silence([({ status }) => status === 404])
    ),
    choose: fc.constantFrom(undefined, () => 'debug' as const)
  })
  .map(({ choose, ...rules }) => ({ ...RULES, ...rules, levels: { ...DEFAULT_LEVELS, choose } }))

const origin = { target: '/', raw: { headers: {} } as IncomingMessage, facts: {} }

t.test('a level that is kept is the one that would be decided', async (t) => {
  const property = fc.property(
    anyRules,
    fc.array(fc.tuple(fc.constantFrom('GET', 'POST'), anySettled)),
    (rules, requests) => {
      const verdicts = new Verdicts(rules)
      for (const [method, settled] of requests) {
        const { level, outcome, status, slow } = verdicts.on(method, settled)
        t.same([outcome, status, slow], [settled.outcome, settled.status, settled.slow])
        if (level !== undefined) t.equal(level, decideLevel(rules, settled, origin))
      }
    }
  )
  t.doesNotThrow(() => fc.assert(property))
})

t.test('what depends on more than the ending is asked each time', async (t) => {
  const level = (rules: Partial<LineRules>) =>
    new Verdicts({ ...RULES, ...rules }).on('GET', OK).level
  t.equal(level({}), 'info')
  t.equal(level({ silent: true, sample: 0.5 }), 'silent')
  t.equal(level({ sample: 0.5 }), undefined)
  t.equal(level({ probe: true }), undefined)
  t.equal(level({ silence: new Silence(['/metrics']) }), undefined)
  t.equal(level({ silence: new Silence([() => false]) }), undefined)
  t.equal(level({ levels: { ...DEFAULT_LEVELS, choose: () => 'debug' } }), undefined)
})

t.test('requests that ended alike share a verdict, and at most 32 are kept', async (t) => {
  const verdicts = new Verdicts(RULES)
  const first = verdicts.on('GET', OK)
  const failed = verdicts.on('GET', { ...OK, outcome: 'server-error', status: 500 })
  t.not(failed, first)
  t.equal(verdicts.on('GET', { ...OK, duration: 2 }), first)
  for (let status = 201; status < 231; status++) verdicts.on('GET', { ...OK, status })
  t.equal(verdicts.on('GET', OK), first, 'the 32nd has a place')
  verdicts.on('MADE-UP', OK)
  t.not(verdicts.on('GET', OK), first, 'the 33rd begins again')
})
