// @ts-check
/**
 * All processes of the page as one service: what is the same in several of them is added up.
 */
import { bucketGrowth, quantile } from './history.js'

/** @typedef {import('../dist/index.js').Snapshot} Snapshot */
/** @typedef {import('../dist/index.js').BreakerPart} BreakerPart */
/** @typedef {import('../dist/index.js').ChangePart} ChangePart */
/** @typedef {import('./history.js').History} History */

/**
 * One process of the page.
 *
 * @typedef {object} Watched
 * @property {string} name what it is called on the page
 * @property {'connecting' | 'live' | 'lost' | 'ended'} status
 * @property {string} reason why it is not live, a sentence; may be empty
 * @property {History} history
 */

/** Rates are of the last seconds, shares of the last minute. */
const RATE = 3000
const LATENCY = 10_000
const MINUTE = 60_000

/** From the worst to the best. @type {readonly string[]} */
const STATES = ['isolated', 'open', 'half-open', 'closed']

/**
 * The processes that have told something and are not gone.
 *
 * @param {readonly Watched[]} watched
 */
export function present(watched) {
  return watched.flatMap(({ name, status, history }) => {
    const { latest } = history
    return latest === undefined || status === 'lost' ? [] : [{ name, history, latest }]
  })
}

/** @typedef {ReturnType<typeof present>} Present */

/**
 * @param {readonly number[]} numbers
 */
export function sum(numbers) {
  return numbers.reduce((total, number) => total + number, 0)
}

/**
 * How much a count of all processes grows in a second.
 *
 * @param {Present} processes
 * @param {(snapshot: Snapshot) => number | undefined} countOf
 * @param {number} [age] of how many milliseconds
 */
export function rate(processes, countOf, age = RATE) {
  return sum(
    processes.map(({ history }) => history.rate(age, (snapshot) => countOf(snapshot) ?? 0))
  )
}

/**
 * How much a count of all processes has grown within the last minute.
 *
 * @param {Present} processes
 * @param {(snapshot: Snapshot) => number | undefined} countOf
 */
export function inLastMinute(processes, countOf) {
  return sum(
    processes.map(({ history }) => history.growth(MINUTE, (snapshot) => countOf(snapshot) ?? 0))
  )
}

/**
 * Requests a second by outcome; `undefined` where no process counts them.
 *
 * @param {Present} processes
 * @returns {Map<string, number> | undefined}
 */
export function outcomeRates(processes) {
  const names = new Set(processes.flatMap(({ latest }) => Object.keys(latest.outcomes ?? {})))
  if (processes.every(({ latest }) => latest.outcomes === undefined)) return undefined
  return new Map(
    [...names].map((name) => [name, rate(processes, ({ outcomes }) => outcomes?.[name])])
  )
}

/**
 * The durations of the last ten seconds, p50 and p99 in milliseconds; `undefined` where no process
 * measures them, their values where no request ended.
 *
 * @param {Present} processes
 */
export function latencies(processes) {
  const measured = processes.find(({ latest }) => latest.duration !== undefined)
  if (measured === undefined) return undefined
  return percentiles(measured.latest, processes, ({ duration }) => duration?.counts)
}

/**
 * @param {Snapshot} measured whose bounds hold for all
 * @param {Present} processes
 * @param {(snapshot: Snapshot) => readonly number[] | undefined} countsOf
 */
function percentiles(measured, processes, countsOf) {
  const { bounds, counts } = measured.duration ?? { bounds: [], counts: [] }
  let total = counts.map(() => 0)
  for (const { history, latest } of processes) {
    const before = history.before(LATENCY)
    if (before === undefined) continue
    const grown = bucketGrowth(countsOf(latest), countsOf(before.snapshot))
    total = total.map((sum, index) => sum + (grown[index] ?? 0))
  }
  return {
    p50: inMilliseconds(quantile(bounds, total, 0.5)),
    p99: inMilliseconds(quantile(bounds, total, 0.99))
  }
}

/** @param {number | undefined} seconds */
function inMilliseconds(seconds) {
  return seconds === undefined ? undefined : seconds * 1000
}

/**
 * The parts of all processes that are called the same, in the order of their first appearance.
 *
 * @template {{ name: string, scope: string }} Part
 * @param {Present} processes
 * @param {(snapshot: Snapshot) => readonly Part[] | undefined} partsOf
 */
function byName(processes, partsOf) {
  /** @type {Map<string, { id: string, name: string, scope: string, parts: Part[] }>} */
  const groups = new Map()
  for (const { latest } of processes) {
    for (const part of partsOf(latest) ?? []) {
      const id = `${part.scope} ${part.name}`
      const group = groups.get(id) ?? { id, name: part.name, scope: part.scope, parts: [] }
      groups.set(id, group)
      group.parts.push(part)
    }
  }
  return [...groups.values()]
}

/**
 * Finds a part again in another snapshot.
 *
 * @template {{ name: string, scope: string }} Part
 * @param {readonly Part[] | undefined} parts
 * @param {{ name: string, scope: string }} wanted
 */
function same(parts, { name, scope }) {
  return parts?.find((part) => part.name === name && part.scope === scope)
}

/**
 * The breakers, the worst first.
 *
 * @param {Present} processes
 */
export function breakers(processes) {
  const cards = byName(processes, (snapshot) => snapshot.breakers).map((group) => {
    const parts = group.parts.toSorted((one, other) => rank(one) - rank(other))
    const [worst] = /** @type {[BreakerPart]} */ (parts)
    /** @param {keyof BreakerPart} member */
    const countOf = (member) => (/** @type {Snapshot} */ snapshot) =>
      Number(same(snapshot.breakers, group)?.[member] ?? 0)
    const success = inLastMinute(processes, countOf('success'))
    const failure = inLastMinute(processes, countOf('failure'))
    return {
      ...group,
      state: worst.state,
      /** How many of the processes are in that state. */
      alike: parts.filter(({ state }) => state === worst.state).length,
      of: parts.length,
      shadow: parts.every(({ shadow }) => shadow),
      lasted: worst.lasted,
      failures: worst.failures,
      retryAfter: worst.retryAfter,
      inFlight: sum(parts.map(({ inFlight }) => inFlight)),
      abandoned: sum(parts.map(({ abandoned }) => abandoned)),
      fallbacks: sum(parts.map(({ fallbacks }) => fallbacks)),
      refused: sum(parts.map(({ refused }) => refused)),
      refusedInShadow: sum(parts.map(({ refusedInShadow }) => refusedInShadow)),
      calls: rate(
        processes,
        (snapshot) =>
          countOf('success')(snapshot) +
          countOf('failure')(snapshot) +
          countOf('excluded')(snapshot)
      ),
      refusals: rate(
        processes,
        (snapshot) => countOf('refused')(snapshot) + countOf('refusedInShadow')(snapshot)
      ),
      /** Of the calls of the last minute; `undefined` when there was none. */
      failing: success + failure === 0 ? undefined : failure / (success + failure),
      changes: latestChanges(parts)
    }
  })
  return cards.toSorted((one, other) => rank(one) - rank(other))
}

/** @typedef {ReturnType<typeof breakers>[number]} BreakerCard */

/** @param {{ state: string, shadow: boolean }} breaker */
function rank({ state, shadow }) {
  return STATES.indexOf(state) * 2 + Number(shadow)
}

/** @param {readonly BreakerPart[]} parts @returns {ChangePart[]} */
function latestChanges(parts) {
  const all = parts.flatMap(({ changes }) => changes)
  return all.toSorted((one, other) => one.age - other.age).slice(0, 6)
}

/**
 * The limits, a row for each policy.
 *
 * @param {Present} processes
 */
export function limits(processes) {
  const groups = byName(processes, (snapshot) =>
    snapshot.limits?.flatMap(({ name, scope, shadow, policies }) =>
      policies.map((policy) => ({
        ...policy,
        limit: name,
        policy: policy.name,
        shadow,
        name: `${name} ${policy.name} ${shadow}`,
        scope
      }))
    )
  )
  return groups.map(({ id, parts }) => {
    const [first] = /** @type {[typeof parts[0]]} */ (parts)
    const { limit, policy, scope, shadow, max, timeWindow } = first
    /** @param {'allowed' | 'denied' | 'banned' | 'allowListed' | 'unanswered'} member */
    const figures = (member) => ({
      total: sum(parts.map((part) => part[member])),
      rate: rate(processes, (snapshot) => {
        const found = snapshot.limits?.find(
          (other) => other.name === limit && other.scope === scope && other.shadow === shadow
        )
        return found?.policies.find(({ name }) => name === policy)?.[member]
      })
    })
    return {
      id,
      limit,
      policy,
      scope,
      shadow,
      max,
      timeWindow,
      allowed: figures('allowed'),
      denied: figures('denied'),
      banned: figures('banned'),
      allowListed: figures('allowListed'),
      unanswered: figures('unanswered')
    }
  })
}

/** @typedef {ReturnType<typeof limits>[number]} LimitRow */

/**
 * The upstreams.
 *
 * @param {Present} processes
 */
export function upstreams(processes) {
  return byName(processes, (snapshot) => snapshot.upstreams).map((group) => {
    const { parts } = group
    /** @typedef {typeof parts[0]} Part */
    /** @param {(part: Part) => number} countOf */
    const perSecond = (countOf) =>
      rate(processes, (snapshot) => {
        const part = same(snapshot.upstreams, group)
        return part && countOf(part)
      })
    const measured = processes.find(
      ({ latest }) => same(latest.upstreams, group)?.counts !== undefined
    )
    const success = inLastMinute(processes, (snapshot) => same(snapshot.upstreams, group)?.success)
    const failure = inLastMinute(processes, (snapshot) => same(snapshot.upstreams, group)?.failure)
    return {
      ...group,
      calls: perSecond((part) => part.calls),
      retries: perSecond((part) => part.retries),
      hedges: perSecond((part) => part.hedges),
      refusals: perSecond((part) => part.refused),
      retried: sum(parts.map((part) => part.retries)),
      called: sum(parts.map((part) => part.calls)),
      refused: sum(parts.map((part) => part.refused)),
      hedged: sum(parts.map((part) => part.hedges)),
      budgetLeft: sum(parts.map((part) => part.budgetLeft)),
      inFlight: sum(parts.map((part) => part.inFlight)),
      failing: success + failure === 0 ? undefined : failure / (success + failure),
      latency:
        measured &&
        percentiles(
          measured.latest,
          processes,
          (snapshot) => same(snapshot.upstreams, group)?.counts
        )
    }
  })
}

/** @typedef {ReturnType<typeof upstreams>[number]} UpstreamCard */
