/**
 * Random interleavings of taking permits, giving them back and passing time, held against a model
 * that does the same eagerly, one millisecond at a time.
 */
import { type BreakerState, CircuitBreaker, type Permit } from '@holdfast/circuit-breaker'
import fc from 'fast-check'
import t from 'tap'

const THRESHOLD = 2
const RESET = 7

type Outcome = 'success' | 'failure' | 'exclude'
type Step =
  | { do: 'acquire' }
  | { do: 'settle'; which: number; outcome: Outcome }
  | { do: 'pass'; milliseconds: number }

/** What a breaker should do, said as plainly as possible. */
class Model {
  state: BreakerState = 'closed'
  period = 0
  failures = 0
  inFlight = 0
  probe: { age: number } | undefined
  openFor = 0

  enter(state: BreakerState): void {
    this.state = state
    this.period++
    this.failures = 0
    this.probe = undefined
    this.openFor = 0
  }

  tick(): void {
    if (this.probe !== undefined && ++this.probe.age === RESET) this.enter('open')
    else if (this.state === 'open' && ++this.openFor === RESET) this.enter('half-open')
  }

  /** The period the permit belongs to, or undefined when refused. */
  acquire(): number | undefined {
    if (this.state === 'open' || this.probe !== undefined) return undefined
    if (this.state === 'half-open') this.probe = { age: 0 }
    this.inFlight++
    return this.period
  }

  settle(period: number, outcome: Outcome): void {
    this.inFlight--
    if (period !== this.period) return
    if (this.state === 'half-open') {
      if (outcome === 'exclude') this.probe = undefined
      else this.enter(outcome === 'success' ? 'closed' : 'open')
    } else if (outcome === 'success') {
      this.failures = 0
    } else if (outcome === 'failure' && ++this.failures === THRESHOLD) {
      this.enter('open')
    }
  }
}

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.constant<Step>({ do: 'acquire' }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant<'settle'>('settle'),
      which: fc.nat(),
      outcome: fc.constantFrom<Outcome>('success', 'failure', 'failure', 'exclude')
    })
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant<'pass'>('pass'),
      milliseconds: fc.integer({ min: 1, max: 2 * RESET + 3 })
    })
  }
)

t.test('no interleaving leaves the model, leaks a permit or keeps it from closing', async (t) => {
  const visits: Record<BreakerState | 'stale', number> = {
    closed: 0,
    open: 0,
    'half-open': 0,
    stale: 0
  }
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80, size: 'max' }), (steps) => {
      let now = 0
      const breaker = new CircuitBreaker({
        threshold: THRESHOLD,
        resetTimeout: RESET,
        clock: () => now
      })
      const model = new Model()
      const held: { permit: Permit; period: number }[] = []

      for (const step of steps) {
        if (step.do === 'pass') {
          now += step.milliseconds
          for (let tick = 0; tick < step.milliseconds; tick++) model.tick()
          // Not every time: the breaker must not depend on being looked at.
          if (step.milliseconds % 2 === 0) continue
        } else if (step.do === 'acquire') {
          const permit = breaker.tryAcquire()
          const period = model.acquire()
          if ((permit === null) !== (period === undefined)) return false
          if (permit !== null && period !== undefined) held.push({ permit, period })
        } else if (held.length > 0) {
          const [taken] = held.splice(step.which % held.length, 1)
          if (taken === undefined) return false
          if (taken.period !== model.period) visits.stale++
          const { inFlight: _, ...before } = breaker.snapshot()
          taken.permit[step.outcome]()
          if (taken.period !== model.period) {
            const { inFlight: __, ...after } = breaker.snapshot()
            if (JSON.stringify(before) !== JSON.stringify(after)) return false
          }
          model.settle(taken.period, step.outcome)
          // Whatever it says later is not heard.
          taken.permit.failure()
        }
        const { state, failures, inFlight } = breaker.snapshot()
        visits[state]++
        if (state !== model.state || failures !== model.failures) return false
        if (inFlight !== model.inFlight || inFlight !== held.length) return false
      }

      // The dependency heals, and every permit that is still out is lost.
      now += 2 * RESET
      const probe = breaker.tryAcquire()
      if (probe === null) return false
      probe.success()
      if (breaker.state !== 'closed') return false
      for (const { permit } of held) permit.failure()
      return breaker.snapshot().inFlight === 0
    }),
    { numRuns: 10_000 }
  )
  for (const [where, count] of Object.entries(visits)) t.ok(count > 1000, `${where}: ${count}`)
})
