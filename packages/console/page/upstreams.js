// @ts-check
/**
 * The services that this one calls, as cards.
 */

import { scopeOf } from './breakers.js'
import { badge, entry, h } from './dom.js'
import { count, latency, perSecond, share } from './text.js'

const MANY = 0.5
const SOME = 0.05

/** @param {import('./fleet.js').UpstreamCard} upstream */
export function upstreamCard(upstream) {
  const { level, word } = verdict(upstream.failing)
  const { p50, p99 } = upstream.latency ?? {}
  return h(
    'article',
    { class: `card ${level} upstream`, 'data-id': upstream.id },
    h('h3', {}, upstream.name, scopeOf(upstream.scope)),
    h('p', { class: 'state' }, badge(level, word)),
    h(
      'dl',
      { class: 'figures' },
      entry('calls', `${perSecond(upstream.calls)}`, `${count(upstream.called)} since the start`),
      entry(
        'failing',
        upstream.failing === undefined ? 'no calls' : share(upstream.failing),
        'Of the tries of the last minute'
      ),
      entry('in flight', count(upstream.inFlight)),
      entry(
        'retries',
        `${perSecond(upstream.retries)}`,
        `${count(upstream.retried)} since the start`
      ),
      entry(
        'budget left',
        count(upstream.budgetLeft),
        'Retries that may be made at this moment: a share of the calls, so that retries never multiply an outage'
      ),
      entry(
        'refused',
        count(upstream.refused),
        'Tries that were not made since the start: the breaker was open, or too many ran'
      ),
      upstream.hedged > 0 &&
        entry(
          'hedges',
          `${perSecond(upstream.hedges)}`,
          'Second tries because the first one was slow'
        ),
      p50 !== undefined && entry('half within', latency(p50), 'p50 of the last ten seconds'),
      p99 !== undefined && entry('99 % within', latency(p99), 'p99 of the last ten seconds')
    )
  )
}

/** @param {number | undefined} failing @returns {{ level: 'good' | 'warn' | 'bad' | 'calm', word: string }} */
function verdict(failing) {
  if (failing === undefined) return { level: 'calm', word: 'not called' }
  if (failing >= MANY) return { level: 'bad', word: 'failing' }
  return failing >= SOME ? { level: 'warn', word: 'unsteady' } : { level: 'good', word: 'answers' }
}
