/**
 * Random interleavings of taking permits, giving them back, passing time and operators' switches,
 * compared with a model that does the same eagerly, one millisecond at a time. Covers
 * `circuit/circuit.ts`, `circuit/circuit-rules.ts`, `circuit/call-totals.ts`, `circuit/state.ts` and
 * `circuit/permit.ts`.
 */
import {
  type BreakerOptions,
  type BreakerState,
  type BreakerTotals,
  type CallOutcome,
  CircuitBreaker,
  type OperatorSwitch,
  type Permit
} from '@holdfast/circuit-breaker'
import fc from 'fast-check'
import t from 'tap'

const RESET = 8
const LONGEST = 24
const SLOW = 5

interface Setup {
  rule: 'in a row' | 'of calls' | 'of time'
  slow: boolean
  permits: number
  successRate: number
  ramp: number
  random: number
}

type Step =
  | { do: 'acquire' }
  | { do: 'settle'; which: number; outcome: CallOutcome; retryAfter: number }
  | { do: 'answered'; which: number }
  | { do: 'pass'; milliseconds: number }
  | { do: 'isolate' }
  | { do: 'shadow' }

const MINIMUM = 4
const WINDOW_CALLS = 6
const BUCKET = 2

function optionsOf(setup: Setup): BreakerOptions {
  return {
    threshold: setup.rule === 'in a row' ? 2 : undefined,
    failureRate: setup.rule === 'in a row' ? undefined : 0.5,
    window: setup.rule === 'of calls' ? { calls: WINDOW_CALLS } : { duration: 10 * BUCKET },
    minimumCalls: MINIMUM,
    slowCall: setup.slow ? { duration: SLOW, rate: 0.5 } : false,
    halfOpen: { permits: setup.permits, successRate: setup.successRate, ramp: setup.ramp },
    resetTimeout: RESET,
    maxResetTimeout: LONGEST
  }
}

interface Held {
  period: number
  startedAt: number
  lost?: boolean
  overdue?: boolean
  excused?: boolean
}

const ENTERED = {
  open: 'opened',
  'half-open': 'halfOpened',
  closed: 'closed',
  isolated: 'isolated'
} as const

/** What a breaker should do, said as plainly as possible. */
class Model {
  readonly setup: Setup
  now = 0
  state: BreakerState = 'closed'
  period = 0
  row = 0
  openUntil = 0
  notBefore = 0
  openings = 0
  lastLength = 0
  closedAt: number | undefined = -1000
  isolated = false
  shadow = false
  ramp: { limit: number; admitted: number; ends: number } | undefined
  window: { bucket: number; failed: boolean | undefined; slow: boolean }[] = []
  running: Held[] = []
  probes: Held[] = []
  verdicts: boolean[] = []
  enteredAt = 0
  totals: Record<keyof BreakerTotals, number> = {
    success: 0,
    failure: 0,
    excluded: 0,
    refusedByState: 0,
    refusedByConcurrency: 0,
    refusedInShadow: 0,
    opened: 0,
    halfOpened: 0,
    closed: 0,
    isolated: 0
  }

  constructor(setup: Setup) {
    this.setup = setup
  }

  enter(state: BreakerState): void {
    const { ramp, permits } = this.setup
    this.state = state
    this.enteredAt = this.now
    this.totals[ENTERED[state]]++
    this.period++
    this.row = this.notBefore = 0
    this.window = []
    this.running = []
    this.probes = []
    this.verdicts = []
    this.ramp = undefined
    if (state !== 'closed') return
    this.closedAt = this.now
    if (ramp > 0) this.ramp = { limit: 2 * permits, admitted: 0, ends: this.now + ramp }
  }

  open(): void {
    const isStable = this.closedAt !== undefined && this.now - this.closedAt >= this.lastLength
    if (isStable) this.openings = 0
    this.closedAt = undefined
    this.lastLength = Math.min(LONGEST, RESET * 2 ** this.openings++)
    const drawn = this.lastLength / 2 + (this.lastLength / 2) * this.setup.random
    this.openUntil = this.now + Math.max(drawn, Math.min(this.notBefore - this.now, LONGEST))
    this.enter('open')
  }

  tick(): void {
    this.now++
    if (this.state === 'open' && this.now >= this.openUntil) this.enter('half-open')
    else if (this.state === 'half-open') this.losePermits()
    else if (this.state === 'closed') this.passClosed()
  }

  losePermits(): void {
    const lease = this.setup.slow ? SLOW : RESET
    for (const probe of [...this.probes]) {
      if (this.state !== 'half-open' || this.now < probe.startedAt + lease) continue
      probe.lost = true
      this.judge(probe, 'failure')
    }
  }

  passClosed(): void {
    if (this.ramp !== undefined && this.now === this.ramp.ends) {
      const { limit, admitted, ends } = this.ramp
      this.ramp =
        admitted < limit
          ? undefined
          : { limit: 2 * limit, admitted: 0, ends: ends + this.setup.ramp }
    }
    if (!this.setup.slow) return
    for (const call of [...this.running]) {
      if (this.state !== 'closed') return
      if (call.excused || call.overdue || this.now < call.startedAt + SLOW) continue
      call.overdue = true
      this.tripIfSick()
    }
  }

  get refuses(): boolean {
    if (this.state === 'half-open') {
      return this.probes.length + this.verdicts.length >= this.setup.permits
    }
    if (this.state !== 'closed') return true
    return this.ramp !== undefined && this.ramp.admitted >= this.ramp.limit
  }

  acquire(): Held | undefined {
    const held = { period: this.period, startedAt: this.now }
    if (this.refuses) {
      const isSpared = this.shadow && !this.isolated
      this.totals[isSpared ? 'refusedInShadow' : 'refusedByState']++
      return isSpared ? { ...held, period: -1 } : undefined
    }
    if (this.state === 'half-open') this.probes.push(held)
    else this.running.push(held)
    if (this.ramp !== undefined) this.ramp.admitted++
    return held
  }

  settle(held: Held, outcome: CallOutcome, retryAfter: number): void {
    this.totals[outcome]++
    if (held.period !== this.period || held.lost) return
    if (outcome === 'failure' && retryAfter > 0) {
      this.notBefore = Math.max(this.notBefore, this.now + retryAfter)
    }
    if (this.state === 'half-open') {
      this.judge(held, outcome)
      return
    }
    this.running.splice(this.running.indexOf(held), 1)
    const slow = held.overdue === true
    if (outcome === 'excluded' && !slow) return
    if (outcome !== 'excluded') this.row = outcome === 'failure' ? this.row + 1 : 0
    const failed = outcome === 'excluded' ? undefined : outcome === 'failure'
    this.window.push({ bucket: Math.floor(this.now / BUCKET), failed, slow })
    this.tripIfSick()
  }

  judge(probe: Held, outcome: CallOutcome): void {
    const { permits, successRate } = this.setup
    this.probes.splice(this.probes.indexOf(probe), 1)
    if (outcome === 'excluded') return
    this.verdicts.push(outcome === 'success')
    const well = this.verdicts.filter(Boolean).length
    const ill = this.verdicts.length - well
    if (well >= successRate * permits) this.enter('closed')
    else if (permits - ill < successRate * permits) this.open()
  }

  get inWindow(): Model['window'] {
    const { rule } = this.setup
    if (rule === 'of calls') return this.window.slice(-WINDOW_CALLS)
    return this.window.filter(({ bucket }) => bucket > Math.floor(this.now / BUCKET) - 10)
  }

  tripIfSick(): void {
    const calls = this.inWindow
    const judged = calls.filter(({ failed }) => failed !== undefined)
    const overdue = this.running.filter((call) => call.overdue).length
    const failures = judged.filter(({ failed }) => failed).length
    const slow = calls.filter((call) => call.slow).length + overdue
    const counted =
      judged.length +
      calls.filter(({ failed, slow }) => failed === undefined && slow).length +
      overdue
    const isSick =
      this.setup.rule === 'in a row'
        ? this.row >= 2
        : judged.length >= MINIMUM && failures >= judged.length / 2
    const isSlow = this.setup.slow && counted >= MINIMUM && slow >= counted / 2
    if (isSick || isSlow) this.open()
  }
}

const setup: fc.Arbitrary<Setup> = fc.record({
  rule: fc.constantFrom('in a row', 'of calls', 'of time'),
  slow: fc.boolean(),
  permits: fc.integer({ min: 1, max: 4 }),
  successRate: fc.constantFrom(0.25, 0.5, 1),
  ramp: fc.constantFrom(0, 3),
  random: fc.constantFrom(0, 1)
})

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 10, arbitrary: fc.constant<Step>({ do: 'acquire' }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant<'settle'>('settle'),
      which: fc.nat(),
      outcome: fc.constantFrom<CallOutcome>('success', 'success', 'failure', 'failure', 'excluded'),
      retryAfter: fc.constantFrom(0, 0, 0, 20, 1000)
    })
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant<'answered'>('answered'), which: fc.nat() }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant<'pass'>('pass'),
      milliseconds: fc.oneof(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 7, max: 40 }))
    })
  },
  { weight: 1, arbitrary: fc.constantFrom<Step>({ do: 'isolate' }, { do: 'shadow' }) }
)

t.test('no interleaving leaves the model, leaks a permit or keeps it from closing', async (t) => {
  const visits: Record<BreakerState | 'stale' | 'ramp' | 'overdue', number> = {
    closed: 0,
    open: 0,
    'half-open': 0,
    isolated: 0,
    stale: 0,
    ramp: 0,
    overdue: 0
  }
  fc.assert(
    fc.property(setup, fc.array(step, { maxLength: 80, size: 'max' }), (setup, steps) => {
      let now = 0
      const breaker = new CircuitBreaker({
        ...optionsOf(setup),
        clock: () => now,
        random: () => setup.random
      })
      const model = new Model(setup)
      const taken: { permit: Permit; held: Held }[] = []
      const switches: {
        isolate?: OperatorSwitch | undefined
        shadow?: OperatorSwitch | undefined
      } = {}

      for (const step of steps) {
        if (step.do === 'pass') {
          now += step.milliseconds
          for (let tick = 0; tick < step.milliseconds; tick++) model.tick()
          // Not every time: the breaker must not depend on being looked at.
          if (step.milliseconds % 2 === 0) continue
        } else if (step.do === 'acquire') {
          const permit = breaker.tryAcquire()
          const held = model.acquire()
          if ((permit === null) !== (held === undefined)) return false
          if (permit !== null && held !== undefined) taken.push({ permit, held })
        } else if (step.do === 'isolate') {
          if (switches.isolate === undefined) {
            switches.isolate = breaker.isolate()
            model.enter('isolated')
          } else {
            switches.isolate.release()
            switches.isolate = undefined
            model.enter('closed')
          }
          model.isolated = switches.isolate !== undefined
        } else if (step.do === 'shadow') {
          if (switches.shadow === undefined) switches.shadow = breaker.shadow()
          else {
            switches.shadow[Symbol.dispose]()
            switches.shadow = undefined
          }
          model.shadow = switches.shadow !== undefined
        } else if (taken.length > 0) {
          const index = step.which % taken.length
          const { permit, held } = taken[index] as (typeof taken)[number]
          if (step.do === 'answered') {
            permit.answered()
            held.excused = true
          } else {
            taken.splice(index, 1)
            const isStale = held.period !== model.period
            if (isStale) visits.stale++
            const { inFlight: _, totals: __, ...before } = breaker.snapshot()
            if (step.outcome === 'success') permit.success()
            else if (step.outcome === 'excluded') permit.exclude()
            else permit.failure('down', step.retryAfter)
            const { inFlight: ___, totals: ____, ...after } = breaker.snapshot()
            if (isStale && JSON.stringify(before) !== JSON.stringify(after)) return false
            model.settle(held, step.outcome, step.retryAfter)
            // Whatever it says later is not heard.
            permit.failure()
            permit.answered()
          }
        }
        const snapshot = breaker.snapshot()
        const { state, failures, inFlight, overdue, openings, ramp } = snapshot
        if (JSON.stringify(snapshot.totals) !== JSON.stringify(model.totals)) return false
        if (snapshot.lasted !== now - model.enteredAt) return false
        visits[state]++
        if (ramp !== undefined) visits.ramp++
        if (overdue > 0) visits.overdue++
        if (state !== model.state || failures !== model.row || openings !== model.openings)
          return false
        if (ramp !== model.ramp?.limit || inFlight !== taken.length) return false
        if (breaker.retryAfter > 0 !== (model.refuses && (!model.shadow || model.isolated)))
          return false
        if (state === 'half-open' && model.probes.length > setup.permits) return false
      }

      // The dependency heals, and every permit that is still out is lost.
      switches.isolate?.release()
      switches.shadow?.release()
      now += LONGEST + RESET
      for (let probe = 0; breaker.state !== 'closed'; probe++) {
        if (probe === setup.permits + 1) return false
        if (breaker.state === 'open') now += LONGEST
        breaker.tryAcquire()?.success()
      }
      for (const { permit } of taken) permit.failure()
      return breaker.snapshot().inFlight === 0
    }),
    { numRuns: 10_000 }
  )
  for (const [where, count] of Object.entries(visits)) t.ok(count > 1000, `${where}: ${count}`)
})
