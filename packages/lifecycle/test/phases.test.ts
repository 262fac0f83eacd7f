import fc from 'fast-check'
import t from 'tap'
import { type Phase, type PhaseChange, Phases } from '../dist/phases.js'

const ALL: Phase[] = ['starting', 'ready', 'draining', 'stopping', 'closed']

t.test('a service goes through its phases and each change says how long the last one was', (t) => {
  let now = 1000
  const changes: PhaseChange[] = []
  const phases = new Phases(
    () => now,
    (change) => changes.push(change)
  )
  t.equal(phases.current, 'starting')
  for (const phase of ALL.slice(1)) {
    now += 10
    t.equal(phases.enter(phase), true)
    t.equal(phases.current, phase)
  }
  t.same(changes, [
    { state: 'ready', previous: 'starting', lasted: 10 },
    { state: 'draining', previous: 'ready', lasted: 10 },
    { state: 'stopping', previous: 'draining', lasted: 10 },
    { state: 'closed', previous: 'stopping', lasted: 10 }
  ])
  t.end()
})

t.test('a service that never listened was never ready', (t) => {
  const states: Phase[] = []
  const phases = new Phases(
    () => 0,
    ({ state }) => states.push(state)
  )
  phases.enter('closed')
  t.same(states, ['draining', 'stopping', 'closed'])
  t.equal(phases.reached('ready'), true)
  t.end()
})

t.test('in whatever order it is pushed, it goes forward, one phase at a time, none twice', (t) => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...ALL), { maxLength: 20 }), (pushes) => {
      const steps: PhaseChange[] = []
      const phases = new Phases(
        () => 0,
        (change) => steps.push(change)
      )
      for (const phase of pushes) {
        const before = phases.current
        t.equal(phases.enter(phase), phases.current !== before)
      }
      let at: Phase = 'starting'
      for (const { state, previous } of steps) {
        t.equal(previous, at)
        const distance = ALL.indexOf(state) - ALL.indexOf(previous)
        t.ok(distance === 1 || (distance === 2 && previous === 'starting'))
        at = state
      }
    }),
    { numRuns: 50 }
  )
  t.end()
})
