/**
 * What the calls that were made for a request have cost it, as other plugins read it.
 */

/** The calls of one upstream. */
export interface UpstreamCost {
  readonly name: string
  calls: number
  /** Retries and hedges included. */
  tries: number
  /** Milliseconds that its tries waited for their answers, added up. */
  time: number
}

/** The calls that were made for a request. */
export class OutgoingFact {
  /** By upstream, in the order of their first calls. */
  readonly upstreams: UpstreamCost[] = []

  /** All calls. */
  get calls(): number {
    return this.upstreams.reduce((calls, upstream) => calls + upstream.calls, 0)
  }

  /** The upstream that has cost the most time; `undefined` when there was no call. */
  get slowest(): UpstreamCost | undefined {
    return this.upstreams.toSorted((one, other) => other.time - one.time)[0]
  }

  /** The calls of an upstream, made by its name when there are none yet. */
  of(name: string): UpstreamCost {
    let cost = this.upstreams.find((upstream) => upstream.name === name)
    if (cost === undefined) {
      cost = { name, calls: 0, tries: 0, time: 0 }
      this.upstreams.push(cost)
    }
    return cost
  }
}

declare module '@holdfast/core' {
  interface RequestFacts {
    outgoing?: OutgoingFact | undefined
  }
}
