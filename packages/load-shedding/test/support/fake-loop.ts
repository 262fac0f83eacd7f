/**
 * An event loop that takes no time: requests arrive at random moments, wait in the sockets until the
 * loop looks, and are worked on. Drives a shedder through floods that would take minutes.
 */
import type { Rank } from '../../dist/priority.js'
import { Shedder, type SheddingReason } from '../../dist/shedder.js'

/** A time of constant load. */
export interface Phase {
  /** Requests a second. */
  readonly rate: number
  readonly seconds: number
}

/** What is flooded, and how. All times are milliseconds. */
export interface Scenario {
  readonly phases: readonly Phase[]
  readonly seed: number
  /** How long a request holds the loop. */
  readonly cpu: number
  /** How long it waits for others afterwards; with `slots` only so many at a time. */
  readonly wait?: (now: number, random: () => number) => number
  readonly slots?: number
  /** How long the loop is held up by something else, how often, and whether between requests of a turn. */
  readonly stall?: { readonly every: number; readonly length: number; readonly inTurn?: boolean }
  /** Another process on the same core: for how long this one may run, and then has to wait. */
  readonly stolen?: { readonly every: number; readonly length: number }
  /** After this time a client leaves. */
  readonly patience?: number
}

/** A request, and what became of it. */
export interface Simulated {
  readonly at: number
  readonly rank: Rank
  readonly user: number
  refused: SheddingReason | undefined
  answeredAt: number | undefined
  hasLeft: boolean
}

/** What a refusal costs the loop. */
const REFUSAL = 0.06
const USERS = 200
/** The connections of a proxy's pool. */
const CONNECTIONS = 400

/** A source of numbers from 0 to below 1 that repeats itself (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Random arrivals: 10 % critical, 40 % normal, 50 % bulk. */
function arrivalsOf(phases: readonly Phase[], random: () => number): Simulated[] {
  const requests: Simulated[] = []
  let begun = 0
  let at = 0
  for (const { rate, seconds } of phases) {
    const end = begun + seconds * 1000
    for (;;) {
      at += (-Math.log(1 - random()) / rate) * 1000
      if (at >= end) break
      const kind = random()
      const rank = kind < 0.1 ? 3 : kind < 0.5 ? 2 : 0
      const user = Math.floor(random() * USERS)
      requests.push({ at, rank, user, refused: undefined, answeredAt: undefined, hasLeft: false })
    }
    begun = end
    at = end
  }
  return requests
}

/** Runs a scenario to its end, and returns its requests. */
export function simulate(scenario: Scenario): { requests: Simulated[]; shedder: Shedder } {
  const loop = new FakeLoop(scenario)
  loop.run()
  return { requests: loop.requests, shedder: loop.shedder }
}

class FakeLoop {
  readonly requests: Simulated[]
  readonly shedder: Shedder
  readonly #scenario: Scenario
  readonly #random: () => number
  readonly #places: readonly number[]
  /** Sent and not yet seen by the loop. */
  #inSockets: Simulated[] = []
  /** Not sent: all connections are busy. */
  readonly #unsent: Simulated[] = []
  readonly #timers: { readonly at: number; readonly run: () => void }[] = []
  readonly #waiting: Simulated[] = []
  #slotsUsed = 0
  #busy = 0
  #next = 0
  #nextToLeave = 0
  #nextStall: number
  #now = 0
  #slept = 0
  /** How long it has run since the core was taken away. */
  #ran = 0

  constructor(scenario: Scenario) {
    this.#scenario = scenario
    this.#random = randomOf(scenario.seed)
    this.#places = Array.from({ length: USERS }, this.#random)
    this.requests = arrivalsOf(scenario.phases, this.#random)
    this.shedder = new Shedder({ maxQueueDelay: 100, maxInFlight: undefined }, randomOf(1))
    this.#nextStall = scenario.stall?.every ?? Infinity
  }

  run(): void {
    const end = this.requests.at(-1)?.at ?? 0
    while (this.#now < end + 5000) {
      this.#arrive()
      while ((this.#timers[0]?.at ?? Infinity) <= this.#now) this.#timers.shift()?.run()
      if (!this.#scenario.stall?.inTurn) this.#stall()
      if (this.#inSockets.length === 0) this.#sleep()
      else this.#turn()
    }
  }

  #stall(): void {
    if (this.#now < this.#nextStall) return
    const { every = 0, length = 0 } = this.#scenario.stall ?? {}
    this.#nextStall += every
    this.#spend(length)
  }

  #sleep(): void {
    const wake = Math.min(
      this.requests[this.#next]?.at ?? Infinity,
      this.#timers[0]?.at ?? Infinity,
      this.#scenario.stall?.inTurn ? Infinity : this.#nextStall,
      this.#now + 100
    )
    this.#ran = 0
    this.#slept += wake - this.#now
    this.#now = wake
  }

  #turn(): void {
    const batch = this.#inSockets
    this.#inSockets = []
    this.shedder.beginTurn(this.#now, this.#slept)
    for (const request of batch) {
      const place = this.#places[request.user] as number
      request.refused = this.shedder.decide(this.#now, request.rank, place)
      if (request.refused !== undefined) {
        this.#spend(REFUSAL)
        this.#free(request)
        continue
      }
      if (this.#scenario.stall?.inTurn) this.#stall()
      this.#spend(this.#scenario.cpu)
      if (this.#scenario.wait === undefined) this.#answer(request)
      else this.#waiting.push(request)
      this.#startWaits()
    }
    this.shedder.endTurn(this.#now)
  }

  #startWaits(): void {
    const { wait, slots = Infinity } = this.#scenario
    while (this.#slotsUsed < slots && this.#waiting.length > 0) {
      const request = this.#waiting.shift() as Simulated
      this.#slotsUsed++
      this.#setTimer(wait?.(this.#now, this.#random) ?? 0, () => {
        this.#slotsUsed--
        this.#answer(request)
        this.#startWaits()
      })
    }
  }

  #setTimer(delay: number, run: () => void): void {
    const at = this.#now + delay
    let index = this.#timers.length
    while (index > 0 && (this.#timers[index - 1]?.at ?? 0) > at) index--
    this.#timers.splice(index, 0, { at, run })
  }

  #answer(request: Simulated): void {
    if (request.hasLeft) {
      this.shedder.abandon()
      return
    }
    request.answeredAt = this.#now
    this.shedder.finish(request.at)
    this.#free(request)
  }

  #spend(milliseconds: number): void {
    this.#now += milliseconds
    const { every = Infinity, length = 0 } = this.#scenario.stolen ?? {}
    for (this.#ran += milliseconds; this.#ran >= every; this.#ran -= every) this.#now += length
    this.#arrive()
  }

  /** Sends what has come by now, and lets clients leave that have waited for too long. */
  #arrive(): void {
    for (;;) {
      const request = this.requests[this.#next]
      if (request === undefined || request.at > this.#now) break
      this.#next++
      if (this.#busy < CONNECTIONS) this.#send(request)
      else this.#unsent.push(request)
    }
    const { patience = 1000 } = this.#scenario
    for (; this.#nextToLeave < this.#next; this.#nextToLeave++) {
      const request = this.requests[this.#nextToLeave] as Simulated
      if (request.at + patience > this.#now) break
      if (request.answeredAt !== undefined || request.refused !== undefined) continue
      request.hasLeft = true
      const unsent = this.#unsent.indexOf(request)
      if (unsent >= 0) this.#unsent.splice(unsent, 1)
      else this.#release()
    }
  }

  #send(request: Simulated): void {
    this.#busy++
    this.#inSockets.push(request)
  }

  #free(request: Simulated): void {
    if (!request.hasLeft) this.#release()
  }

  #release(): void {
    this.#busy--
    const next = this.#unsent.shift()
    if (next !== undefined) this.#send(next)
  }
}
