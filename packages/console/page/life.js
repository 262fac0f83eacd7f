// @ts-check
/**
 * The life of a service as a line, with what is still in flight and what its checks say.
 */
import { badge, h } from './dom.js'
import { counted, lasting } from './text.js'

/** @type {readonly (readonly [phase: string, means: string])[]} */
const PHASES = [
  ['starting', 'does not listen yet'],
  ['ready', 'serves'],
  ['draining', 'serves, and asks clients to leave'],
  ['stopping', 'finishes what it has'],
  ['closed', 'has ended']
]

/** How long each phase lasted, of the processes that were watched, in milliseconds. @type {Map<string, Map<string, number>>} */
const durations = new Map()

/**
 * @param {import('./fleet.js').Watched} watched
 * @param {boolean} isOneOfMany
 */
export function lifeCard({ name, status, history }, isOneOfMany) {
  const { latest } = history
  const life = latest?.life
  if (latest === undefined || life === undefined) return undefined
  const id = `${name} ${latest.process.pid}`
  const lasted = durations.get(id) ?? new Map()
  durations.set(id, lasted)
  lasted.set(life.phase, life.lasted)
  const current = status === 'ended' ? 'closed' : life.phase
  const reached = PHASES.findIndex(([phase]) => phase === current)
  return h(
    'article',
    { class: `card life phase-${current}`, 'data-id': `life ${name}` },
    isOneOfMany && h('h3', {}, name),
    h(
      'ol',
      { class: 'phases', 'aria-label': `Life of the service${isOneOfMany ? ` at ${name}` : ''}` },
      PHASES.map(([phase, means], index) => {
        const time = lasted.get(phase)
        return h(
          'li',
          {
            class: index < reached ? 'past' : index === reached ? 'current' : 'future',
            ...(index === reached && { 'aria-current': 'step' })
          },
          h('span', { class: 'phase' }, phase),
          h('span', { class: 'means' }, time === undefined ? means : `${means}, ${lasting(time)}`)
        )
      })
    ),
    h('p', {}, inFlightText(life)),
    life.routes.length > 0 &&
      h(
        'ul',
        { class: 'routes', 'aria-label': 'Requests in flight' },
        life.routes.map(({ route, count, oldest }) =>
          h(
            'li',
            {},
            h('code', {}, route ?? 'no route yet'),
            ` ${counted(count, 'request')}, the oldest for ${lasting(oldest)}`
          )
        )
      ),
    life.checks.length > 0 &&
      h(
        'ul',
        { class: 'checks', 'aria-label': 'Checks' },
        life.checks.map(({ name: check, state, critical, age }) =>
          h(
            'li',
            {},
            badge(
              state === 'ok' ? 'good' : state === 'failed' ? (critical ? 'bad' : 'warn') : 'calm',
              state
            ),
            ` ${check}`,
            age === undefined ? '' : h('span', { class: 'for' }, ` ${lasting(age)} ago`)
          )
        )
      )
  )
}

/** @param {import('../dist/index.js').LifePart} life */
function inFlightText({ inFlight, tasks }) {
  const requests =
    inFlight === 0 ? 'No request is in flight' : `${counted(inFlight, 'request')} in flight`
  return tasks === 0 ? `${requests}.` : `${requests}, and ${counted(tasks, 'task')} under way.`
}
