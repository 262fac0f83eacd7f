// @ts-check
/**
 * The breakers as cards.
 */
import { badge, entry, h } from './dom.js'
import { causesOf } from './problems.js'
import { count, lasting, perSecond, share, until } from './text.js'

/** @type {Readonly<Record<string, { level: 'good' | 'warn' | 'bad', means: string }>>} */
const STATES = {
  closed: { level: 'good', means: 'Calls go through.' },
  open: { level: 'bad', means: 'Calls are refused, so that the dependency can recover.' },
  'half-open': { level: 'warn', means: 'A few calls try whether the dependency works again.' },
  isolated: { level: 'bad', means: 'An operator stops all calls.' }
}

/** @param {import('./fleet.js').BreakerCard} breaker */
export function breakerCard(breaker) {
  const { level, means } = STATES[breaker.state] ?? { level: 'warn', means: '' }
  const { name, state, shadow, alike, of } = breaker
  return h(
    'article',
    { class: `card ${shadow ? 'shadow' : level} breaker state-${state}`, 'data-id': breaker.id },
    h('h3', {}, name, scopeOf(breaker.scope)),
    h(
      'p',
      { class: 'state' },
      badge(level, of > 1 ? `${state} in ${alike} of ${of}` : state),
      h('span', { class: 'for' }, `for ${lasting(breaker.lasted)}`),
      shadow &&
        h(
          'span',
          { class: 'tag', title: 'It counts what it would do, and refuses nothing.' },
          'shadow'
        )
    ),
    h(
      'p',
      { class: 'means' },
      shadow && state !== 'closed' ? `${means} In shadow, none really is.` : means,
      countdown(breaker)
    ),
    h(
      'dl',
      { class: 'figures' },
      entry(
        'failing',
        breaker.failing === undefined ? 'no calls' : share(breaker.failing),
        'Of the calls of the last minute'
      ),
      entry('calls', perSecond(breaker.calls)),
      entry(
        shadow ? 'would refuse' : 'refused',
        `${count(shadow ? breaker.refusedInShadow : breaker.refused)}`,
        'Since the breaker was made'
      ),
      entry('in flight', count(breaker.inFlight)),
      entry('in a row', count(breaker.failures), 'Failures in a row'),
      breaker.fallbacks > 0 &&
        entry('fallbacks', count(breaker.fallbacks), 'Calls that a fallback has answered for'),
      breaker.abandoned > 0 &&
        entry(
          'given up',
          count(breaker.abandoned),
          'Calls that nobody waits for any more, and are still running'
        )
    ),
    changesOf(breaker)
  )
}

/** @param {string} scope */
export function scopeOf(scope) {
  return scope !== '' && h('span', { class: 'scope' }, ` in ${scope}`)
}

/** @param {import('./fleet.js').BreakerCard} breaker */
function countdown({ state, retryAfter }) {
  if (state !== 'open') return undefined
  if (retryAfter === 0) return h('strong', { class: 'countdown' }, ' The next call tries.')
  return h('strong', { class: 'countdown' }, ` Tries again in ${until(retryAfter)}.`)
}

/** @param {import('./fleet.js').BreakerCard} breaker */
function changesOf({ changes }) {
  if (changes.length === 0) return h('p', { class: 'quiet' }, 'It has never opened.')
  return h(
    'ol',
    { class: 'changes', 'aria-label': 'Latest changes' },
    changes.slice(0, 4).map(({ to, age, causes }) => {
      const because = causesOf(causes)
      return h(
        'li',
        { class: `to-${to}` },
        h('span', { class: 'when' }, `${lasting(age)} ago`),
        h('span', {}, because === '' ? to : `${to}: ${because}`)
      )
    })
  )
}
