// @ts-check
/**
 * What somebody who is called at night should look at, the worst first.
 */
import { breakers, inLastMinute, limits, present, sum } from './fleet.js'
import { count, counted, lasting, latency, share, until } from './text.js'

/**
 * Something that is not as it should be.
 *
 * @typedef {object} Problem
 * @property {string} id stays the same as long as it is the same problem
 * @property {'bad' | 'warn'} level
 * @property {string} text what it is: a sentence
 * @property {string} detail what of it changes all the time; may be empty
 */

const MANY_ERRORS = 0.05
const MANY_DENIED = 0.2
const LATE_LOOP = 200
const OLD_REQUEST = 30_000
const FULL_TABLE = 0.95
/** So few requests say nothing about a share. */
const FEW = 20

/**
 * @param {readonly import('./fleet.js').Watched[]} watched
 * @returns {Problem[]}
 */
export function problems(watched) {
  const processes = present(watched)
  const found = [
    ...watched.flatMap(ofStream),
    ...breakers(processes).flatMap(ofBreaker),
    ...processes.flatMap((process) => ofProcess(process, watched.length > 1)),
    ...ofRequests(processes),
    ...ofLimits(processes)
  ]
  return found.toSorted(
    (one, other) => Number(one.level === 'warn') - Number(other.level === 'warn')
  )
}

/** @param {import('./fleet.js').Watched} watched @returns {Problem[]} */
function ofStream({ name, status, reason }) {
  if (status === 'ended') {
    return [problem('warn', `ended ${name}`, `The process at ${name} has stopped.`, reason)]
  }
  if (status !== 'lost') return []
  return [problem('bad', `lost ${name}`, `No answer from ${name}.`, reason)]
}

/** @param {import('./fleet.js').BreakerCard} breaker @returns {Problem[]} */
function ofBreaker({ id, name, state, shadow, retryAfter, alike, of, changes }) {
  const where = of > 1 ? ` in ${alike} of ${of} processes` : ''
  const would = shadow ? ' It only watches (shadow): nothing is refused.' : ''
  const level = shadow || state === 'half-open' ? 'warn' : 'bad'
  const key = `breaker ${id} ${state}`
  if (state === 'isolated') {
    return [
      problem(
        level,
        key,
        `The breaker ${name} is isolated${where}: an operator stops all its calls.`,
        would
      )
    ]
  }
  if (state === 'half-open') {
    return [
      problem(
        level,
        key,
        `The breaker ${name} is half-open${where}: a few calls try whether it works again.`,
        would
      )
    ]
  }
  if (state !== 'open') return []
  const causes = causesOf(changes.find(({ to }) => to === 'open')?.causes)
  const because = causes === '' ? '' : ` after ${causes}`
  const next =
    retryAfter > 0 ? `Tries again in ${until(retryAfter)}.` : 'Tries again with the next call.'
  return [problem(level, key, `The breaker ${name} is open${where}${because}.`, next + would)]
}

/**
 * The causes of failures for people: `3 × status 503, 2 × ETIMEDOUT`; empty when there is none.
 *
 * @param {Readonly<Record<string, number>>} [causes]
 */
export function causesOf(causes = {}) {
  return Object.entries(causes)
    .toSorted(([, one], [, other]) => other - one)
    .map(([cause, times]) => `${count(times)} × ${cause}`)
    .join(', ')
}

/**
 * @param {ReturnType<typeof present>[number]} process
 * @param {boolean} isOneOfMany
 * @returns {Problem[]}
 */
function ofProcess({ name, latest, history }, isOneOfMany) {
  /** @type {Problem[]} */
  const found = []
  const at = isOneOfMany ? ` (${name})` : ''
  /** @param {'bad' | 'warn'} level @param {string} id @param {string} text @param {string} [detail] */
  const add = (level, id, text, detail = '') =>
    found.push(problem(level, `${id} ${name}`, `${text}${at}.`, detail))

  const { life, shedding, process } = latest
  if (life?.phase === 'draining') {
    add(
      'warn',
      'draining',
      'The service is leaving: it still serves, and asks its clients to go elsewhere',
      `For ${lasting(life.lasted)}. ${counted(life.inFlight, 'request')} in flight.`
    )
  } else if (life?.phase === 'stopping' || life?.phase === 'closed') {
    add(
      'warn',
      'stopping',
      'The service is stopping: it takes no new requests and finishes those it has',
      `For ${lasting(life.lasted)}. ${counted(life.inFlight, 'request')} in flight.`
    )
  } else if (life?.phase === 'starting') {
    add('warn', 'starting', 'The service is starting: it does not listen yet')
  }
  for (const check of life?.checks ?? []) {
    if (check.state !== 'failed') continue
    const effect = check.critical ? ', so the service is not ready' : ''
    add(
      check.critical ? 'bad' : 'warn',
      `check ${check.name}`,
      `The check ${check.name} fails${effect}`,
      check.age === undefined ? '' : `Asked ${lasting(check.age)} ago.`
    )
  }
  const [oldest] = life?.routes ?? []
  if (oldest !== undefined && oldest.oldest > OLD_REQUEST) {
    add(
      'warn',
      'old request',
      `A request runs for long: ${oldest.route ?? 'one that has reached no route'}`,
      `For ${lasting(oldest.oldest)}.`
    )
  }
  if (shedding?.shedding) {
    const refuses = shedding.shadow ? 'would refuse requests (shadow)' : 'refuses requests'
    add(
      shedding.shadow ? 'warn' : 'bad',
      'shedding',
      `The service is overloaded and ${refuses}, least important first`,
      `${share(shedding.share)} are admitted.`
    )
  }
  for (const store of latest.stores ?? []) {
    if (store.available) continue
    add(
      'bad',
      `store ${store.scope}`,
      'The store of the limits does not answer, so this process decides by itself',
      `For ${lasting(store.duration)}.`
    )
  }
  for (const table of latest.tables ?? []) {
    if (table.maxKeys === 0 || table.keys / table.maxKeys < FULL_TABLE) continue
    add(
      'warn',
      `table ${table.scope}`,
      'The table of clients is nearly full: raise maxKeys',
      `${count(table.keys)} of ${count(table.maxKeys)}.`
    )
  }
  const late = process.delay?.current ?? 0
  if (late > LATE_LOOP) {
    add(
      'warn',
      'loop',
      'The event loop is late: something computes for long',
      `By ${latency(late)}.`
    )
  }
  const failed = history.growth(60_000, ({ log }) => log?.failed ?? 0)
  if (failed > 0)
    add(
      'warn',
      'log',
      'Lines of the log are lost: the logger fails',
      `${count(failed)} in the last minute.`
    )
  return found
}

/** @param {import('./fleet.js').Present} processes @returns {Problem[]} */
function ofRequests(processes) {
  const all = inLastMinute(processes, ({ outcomes }) => outcomes && sum(Object.values(outcomes)))
  const failed = inLastMinute(processes, ({ outcomes }) => outcomes?.['server-error'])
  if (all < FEW || failed / all < MANY_ERRORS) return []
  return [
    problem(
      'bad',
      'errors',
      'Many requests fail with a server error.',
      `${share(failed / all)} of the last minute.`
    )
  ]
}

/** @param {import('./fleet.js').Present} processes @returns {Problem[]} */
function ofLimits(processes) {
  return limits(processes).flatMap((row) => {
    const denied = row.denied.rate + row.banned.rate
    const all = denied + row.allowed.rate
    if (all * 60 < FEW || denied / all < MANY_DENIED) return []
    const does = row.shadow ? 'would turn away' : 'turns away'
    return [
      problem(
        'warn',
        `limit ${row.id}`,
        `The limit ${row.limit} ${does} many requests.`,
        `${share(denied / all)} at present.`
      )
    ]
  })
}

/** @param {'bad' | 'warn'} level @param {string} id @param {string} text @param {string} detail @returns {Problem} */
function problem(level, id, text, detail) {
  return { level, id, text, detail: detail.trim() }
}
