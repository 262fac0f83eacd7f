// @ts-check
/**
 * The limits as a table, with the table of clients and the store behind them.
 */
import { badge, entry, h } from './dom.js'
import { count, lasting, perSecond, share } from './text.js'

/**
 * @param {readonly import('./fleet.js').LimitRow[]} rows
 * @param {import('./fleet.js').Present} processes
 */
export function limitParts(rows, processes) {
  return [
    h(
      'div',
      { class: 'scrolls', tabindex: 0, role: 'region', 'aria-label': 'Limits' },
      h(
        'table',
        {},
        h(
          'thead',
          {},
          h(
            'tr',
            {},
            ...['limit', 'at most', 'allowed', 'turned away', 'in all', 'banned'].map((name) =>
              h('th', { scope: 'col' }, name)
            )
          )
        ),
        h('tbody', {}, rows.map(limitRow))
      )
    ),
    h(
      'div',
      { class: 'cards' },
      ...processes.flatMap((process) => sharedParts(process, processes.length > 1))
    )
  ]
}

/** @param {import('./fleet.js').LimitRow} row */
function limitRow(row) {
  const denied = row.denied.rate + row.banned.rate
  const level = denied === 0 ? '' : row.shadow ? 'warn' : 'bad'
  const name =
    row.policy === row.limit || row.policy === 'default' ? row.limit : `${row.limit}: ${row.policy}`
  return h(
    'tr',
    { class: `limit ${level}`, 'data-id': row.id },
    h(
      'th',
      { scope: 'row' },
      name,
      row.shadow &&
        h(
          'span',
          { class: 'tag', title: 'It counts whom it would turn away, and turns nobody away.' },
          'shadow'
        )
    ),
    h(
      'td',
      {},
      row.max === undefined || row.timeWindow === undefined
        ? 'as computed'
        : `${count(row.max)} in ${lasting(row.timeWindow)}`
    ),
    h('td', {}, perSecond(row.allowed.rate)),
    h('td', {}, row.shadow ? `would be ${perSecond(row.denied.rate)}` : perSecond(row.denied.rate)),
    h(
      'td',
      {},
      `${count(row.denied.total)} of ${count(row.denied.total + row.allowed.total + row.banned.total)}`
    ),
    h('td', {}, count(row.banned.total))
  )
}

/**
 * @param {import('./fleet.js').Present[number]} process
 * @param {boolean} isOneOfMany
 */
function sharedParts({ name, latest }, isOneOfMany) {
  const at = isOneOfMany ? ` of ${name}` : ''
  const tables = (latest.tables ?? []).map(({ scope, keys, maxKeys, evictions }) => {
    const fill = maxKeys === 0 ? 0 : keys / maxKeys
    return h(
      'article',
      { class: 'card', 'data-id': `table ${name} ${scope}` },
      h('h3', {}, `Clients${at}${scope === '' ? '' : ` in ${scope}`}`),
      h('p', {}, `${count(keys)} remembered, ${share(fill)} of ${count(maxKeys)}.`),
      h('meter', {
        min: 0,
        max: 1,
        value: fill,
        high: 0.95,
        'aria-label': `Fill of the table of clients${at}`
      }),
      h(
        'p',
        { class: 'quiet' },
        evictions === 0
          ? 'No client was forgotten for want of room.'
          : `${count(evictions)} were forgotten for want of room.`
      )
    )
  })
  const stores = (latest.stores ?? []).map((store) =>
    h(
      'article',
      {
        class: `card ${store.available ? 'good' : 'bad'} store`,
        'data-id': `store ${name} ${store.scope}`
      },
      h('h3', {}, `Store${at}${store.scope === '' ? '' : ` in ${store.scope}`}`),
      h(
        'p',
        { class: 'state' },
        badge(store.available ? 'good' : 'bad', store.available ? 'answers' : 'does not answer'),
        h('span', { class: 'for' }, `for ${lasting(store.duration)}`)
      ),
      h(
        'dl',
        { class: 'figures' },
        entry('outages', count(store.outages), 'Since the start'),
        entry('their time', lasting(store.outageTime)),
        entry(
          'decided alone',
          count(store.fallbacks),
          'Decisions that this process made without the store'
        )
      )
    )
  )
  return [...stores, ...tables]
}
