// @ts-check
/**
 * What load shedding does, a card for each process.
 */
import { badge, entry, h } from './dom.js'
import { count, latency, share } from './text.js'

/**
 * @param {import('./fleet.js').Present[number]} process
 * @param {boolean} isOneOfMany
 */
export function sheddingCard({ name, latest, history }, isOneOfMany) {
  const { shedding } = latest
  if (shedding === undefined) return undefined
  const { shadow, byPriority } = shedding
  const level = !shedding.shedding ? 'good' : shadow ? 'warn' : 'bad'
  const word = !shedding.shedding ? 'all are served' : shadow ? 'would refuse' : 'refusing'
  const lately = history.growth(60_000, (snapshot) => snapshot.shedding?.shed ?? 0)
  return h(
    'article',
    { class: `card ${level} shedding`, 'data-id': `shedding ${name}` },
    h('h3', {}, isOneOfMany ? name : 'Admission'),
    h(
      'p',
      { class: 'state' },
      badge(level, word),
      shadow &&
        h(
          'span',
          { class: 'tag', title: 'It counts what it would refuse, and refuses nothing.' },
          'shadow'
        )
    ),
    h('p', {}, `${share(shedding.share)} of the requests are admitted.`),
    h('meter', {
      min: 0,
      max: 1,
      value: shedding.share,
      'aria-label': 'Share of requests that are admitted'
    }),
    h(
      'dl',
      { class: 'figures' },
      entry(
        'in flight',
        shedding.limit === undefined
          ? count(shedding.inFlight)
          : `${count(shedding.inFlight)} of ${count(shedding.limit)}`
      ),
      entry(
        'wait',
        latency(shedding.queueDelay),
        'How long the latest request waited for the event loop'
      ),
      entry(
        shadow ? 'would refuse' : 'refused',
        `${count(lately)} in a minute`,
        `${count(shedding.shed)} of ${count(shedding.offered)} since the start`
      ),
      ...Object.entries(byPriority).map(([priority, shed]) =>
        entry(
          priority,
          count(shed),
          `Requests of priority ${priority}: ${shadow ? 'would have been refused' : 'refused'} since the start`
        )
      )
    )
  )
}
