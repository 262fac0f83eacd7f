/**
 * What the calls that were made for a request have cost it, as other plugins read it.
 */
import { monotonicClock } from '@holdfast/core'

/** The calls of one upstream. */
export class UpstreamCost {
  readonly name: string
  calls: number = 0
  /** Retries and hedges included. */
  tries: number = 0
  /** Milliseconds that the tries waited whose answers have begun, added up. */
  #waited = 0
  #waiting = 0
  /** The times at which those began that still wait, added up. */
  #begun = 0

  constructor(name: string) {
    this.name = name
  }

  /** Milliseconds that its tries have waited for their answers until now, added up. */
  get time(): number {
    if (this.#waiting === 0) return this.#waited
    return this.#waited + this.#waiting * monotonicClock() - this.#begun
  }

  /** A try begins to wait for its answer. */
  begin(now: number): void {
    this.tries++
    this.#waiting++
    this.#begun += now
  }

  /** A try waits no longer. */
  end(begunAt: number, now: number): void {
    this.#waiting--
    this.#begun -= begunAt
    this.#waited += now - begunAt
  }
}

/** The calls that were made for a request. */
export class OutgoingFact {
  /** Why the request was refused; `undefined` when it was not. */
  refusal: 'deadline' | undefined = undefined
  /** By upstream, in the order of their first calls. */
  readonly upstreams: UpstreamCost[] = []

  /** All calls. */
  get calls(): number {
    return this.upstreams.reduce((calls, upstream) => calls + upstream.calls, 0)
  }

  /** All tries, retries and hedges included. */
  get tries(): number {
    return this.upstreams.reduce((tries, upstream) => tries + upstream.tries, 0)
  }

  /** The upstream that was waited for longest; `undefined` when there was no call. */
  get slowest(): UpstreamCost | undefined {
    return this.upstreams.toSorted((one, other) => other.time - one.time)[0]
  }

  /** The calls of an upstream, made by its name when there are none yet. */
  of(name: string): UpstreamCost {
    for (const known of this.upstreams) if (known.name === name) return known
    const cost = new UpstreamCost(name)
    this.upstreams.push(cost)
    return cost
  }
}

declare module '@holdfast/core' {
  interface RequestFacts {
    outgoing?: OutgoingFact | undefined
  }
  interface Refusers {
    outgoing: true
  }
}
