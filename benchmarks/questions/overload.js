import { fileURLToPath } from 'node:url'
import { figureOf } from '../harness/cells.js'
import { observeFlood, observeSteady } from '../harness/flood-cells.js'
import { compareInProcess } from '../harness/in-process.js'
import { nginx } from '../harness/nginx.js'
import { spreadOf } from '../harness/statistics.js'
import { onRequestPath, protection, work } from '../variants/names.js'

/**
 * @typedef {import('../harness/samples.js').Samples} Samples
 * @typedef {import('../harness/effort.js').Effort} Effort
 * @typedef {import('../harness/cells.js').Cell} Cell
 * @typedef {import('../harness/cells.js').Aim} Aim
 */

const modulePath = fileURLToPath(new URL('../variants/request-path.js', import.meta.url))
const OURS = protection.loadShedding
const FACTORS = [2, 5, 10]
/** At this the peers stand beside us. */
const DECISIVE = 5
const WORKS = [work.cpu, work.io]
/** Other ways to be flooded. Of a core of which half is taken away, half can be done. */
const WAYS = [
  { name: 'HTTP/2', work: work.cpu, service: { http2: true }, how: { clients: 'http2' } },
  {
    name: 'clients that ask again, twice',
    work: work.cpu,
    service: {},
    how: { clients: 'retrying' }
  },
  { name: 'new connections only', work: work.cpu, service: {}, how: { clients: 'fresh' } },
  { name: 'half a core by a control group', work: work.cpu, service: {}, how: { quota: 0.5 } },
  { name: 'the CPU before and after a wait', work: work.halves, service: {}, how: {} }
]
const STEADY = [
  { name: 'CPU at 0.7, from the start on', work: work.cpu, service: {}, aim: 0 },
  { name: 'I/O at 0.7, from the start on', work: work.io, service: {}, aim: 0 },
  {
    name: 'CPU at 0.7, a large heap collected each 5 s',
    work: work.cpu,
    service: { pauses: 'collections' },
    aim: 0
  },
  {
    name: 'CPU at 0.7, a stall of 200 ms each 5 s',
    work: work.cpu,
    service: { pauses: 'stalls' },
    aim: 0.01
  },
  {
    name: 'a dependency 10 times slower from 5 s on',
    work: work.slower,
    service: { slower: 10 },
    aim: 0.05
  },
  {
    name: 'a dependency 50 times slower from 5 s on',
    work: work.slower,
    service: { slower: 50 },
    aim: 0.05
  }
]

/** @type {import('../harness/report.js').Question} */
export const overload = {
  name: 'overload',
  title: 'A flood',
  asks: 'Two, five and ten times what a service can do, at random moments, over 400 connections that are open already; clients that wait for one second; a tenth of the requests critical, half of them bulk. How much of what the service can do is answered in time, which requests are these, and how long until all is well again? And who is refused where nothing has to be?',
  versions: ['fastify', '@fastify/under-pressure', 'overload-protection', 'toobusy-js'],
  once: true,
  async run(effort, samples) {
    await observeAll(effort, samples)
    const rows = await compareInProcess(
      modulePath,
      [onRequestPath.bare, onRequestPath.loadShedding],
      { ...effort, rounds: Math.min(2, effort.rounds) },
      samples
    )
    return {
      tables: [
        ...WORKS.map((kind) => peersTable(kind, samples)),
        aimsTable(samples),
        waysTable(samples),
        steadyTable(samples),
        costTable(rows)
      ],
      plots: [
        {
          name: 'overload',
          title: 'Five times what the CPU can do: answered in time',
          unit: 'of what it can do',
          table: 0,
          column: FACTORS.indexOf(DECISIVE) + 1
        }
      ],
      notes: notesOf(samples)
    }
  }
}

/**
 * All floods. The peers once, and in a short run at the decisive factor only; ours as often as the effort says.
 *
 * @param {Effort} effort @param {Samples} samples
 */
async function observeAll({ name: effort }, samples) {
  const isSmoke = effort === 'smoke'
  const isFull = effort === 'full'
  const seconds = { full: 8, short: 5, smoke: 1 }[effort]
  const protections = isSmoke ? [OURS] : Object.values(protection)
  for (let round = 0; round < { full: 5, short: 3, smoke: 1 }[effort]; round++) {
    for (const kind of isSmoke ? [work.cpu] : WORKS) {
      for (const factor of isSmoke ? [DECISIVE] : FACTORS) {
        for (const name of protections) {
          const isDecisive = name === OURS || (isFull && factor === DECISIVE)
          if (name === protection.nginx && nginx === undefined) continue
          if (name !== OURS && !isFull && factor !== DECISIVE) continue
          if (round > 0 && !isDecisive) continue
          const behindNginx = name === protection.nginx
          const service = { protection: name, work: kind }
          add(
            samples,
            idOf(name, kind, factor),
            await observeFlood(service, factor, seconds, { behindNginx })
          )
        }
      }
    }
  }
  for (const { name, work: kind, service, how } of isSmoke ? WAYS.slice(0, 4) : WAYS) {
    for (const by of isSmoke ? [OURS] : [protection.none, OURS]) {
      const given = /** @type {import('../harness/flood.js').Service} */ ({
        protection: by,
        work: kind,
        ...service
      })
      const options = /** @type {import('../harness/flood-cells.js').How} */ (how)
      add(samples, idOf(by, name, DECISIVE), await observeFlood(given, DECISIVE, seconds, options))
    }
  }
  for (const { name, work: kind, service } of isSmoke ? STEADY.slice(0, 1) : STEADY) {
    const given = /** @type {import('../harness/flood.js').Service} */ ({
      protection: OURS,
      work: kind,
      ...service
    })
    const length = { full: 60, short: 16, smoke: 1 }[effort]
    add(
      samples,
      `overload: ${name}`,
      await observeSteady(given, kind === work.slower ? Math.min(16, length) : length)
    )
  }
}

/** @param {string} name @param {string} kind @param {number} factor */
const idOf = (name, kind, factor) => `overload: ${name}: ${kind}: ${factor}`

/** @param {Samples} samples @param {string} id @param {Record<string, number> | undefined} figures */
function add(samples, id, figures = {}) {
  for (const [what, value] of Object.entries(figures)) samples.add(`${id}: ${what}`, value)
}

/** What was measured; '-' where it was not. @param {Samples} samples @param {string} id @param {string} what @returns {Cell} */
function cellOf(samples, id, what) {
  const of = `${id}: ${what}`
  return samples.count(of) === 0 ? '-' : figureOf(samples.spread(of))
}

const TO_CLIENTS = [
  { name: 'critical served', digits: 2 },
  { name: 'p99 of the served, ms', digits: 0 },
  { name: 'median of the refused, ms', digits: 0 },
  { name: 'well again after, ms', digits: 0 }
]
const WHAT = ['critical', 'p99', 'refusal', 'recovery']

/** @param {string} kind @param {Samples} samples */
function peersTable(kind, samples) {
  return {
    title: `${kind}: the share of what it can do that was answered in time; at ${DECISIVE} times that, what it meant to clients`,
    columns: ['protection', ...FACTORS.map((factor) => `at ${factor}x`), ...TO_CLIENTS],
    rows: Object.values(protection).map((name) => [
      name,
      ...FACTORS.map((factor) => cellOf(samples, idOf(name, kind, factor), 'goodput')),
      ...WHAT.map((what) => cellOf(samples, idOf(name, kind, DECISIVE), what))
    ])
  }
}

/** @param {Samples} samples */
function aimsTable(samples) {
  /** @type {[string, string, number, Aim][]} */
  const aims = [
    ...FACTORS.map(
      (factor) =>
        /** @type {[string, string, number, Aim]} */ ([
          `answered in time at ${factor}x`,
          'goodput',
          factor,
          { atLeast: 0.85 }
        ])
    ),
    ['critical served', 'critical', DECISIVE, { atLeast: 0.97 }],
    ['p99 of the served, ms', 'p99', DECISIVE, { atMost: 250 }],
    ['median of the refused, ms', 'refusal', DECISIVE, { atMost: 120 }],
    ['well again after, ms', 'recovery', DECISIVE, { atMost: 1500 }]
  ]
  return {
    title: `${OURS}: what it is to reach, at ${DECISIVE}x where nothing else is said`,
    columns: ['what', ...WORKS.flatMap((kind) => [kind, 'aim'])],
    rows: aims.map(([text, what, factor, aim]) => [
      text,
      ...WORKS.flatMap((kind) => {
        const cell = cellOf(samples, idOf(OURS, kind, factor), what)
        return [cell, cell === '-' ? '-' : aim]
      })
    ])
  }
}

/** @param {Samples} samples */
function waysTable(samples) {
  return {
    title: `Other floods of the CPU, at ${DECISIVE}x`,
    columns: ['flood', 'answered in time with nothing', 'with load shedding', ...TO_CLIENTS],
    rows: WAYS.map(({ name }) => [
      name,
      cellOf(samples, idOf(protection.none, name, DECISIVE), 'goodput'),
      cellOf(samples, idOf(OURS, name, DECISIVE), 'goodput'),
      ...WHAT.map((what) => cellOf(samples, idOf(OURS, name, DECISIVE), what))
    ])
  }
}

/** @param {Samples} samples */
function steadyTable(samples) {
  return {
    title: 'Where nothing has to be refused: the share that load shedding refuses',
    columns: [
      'load',
      { name: 'refused', digits: 4 },
      'aim',
      { name: 'refused more than 3 s after a change', digits: 0 }
    ],
    rows: STEADY.map(({ name, aim }) => [
      name,
      cellOf(samples, `overload: ${name}`, 'refused'),
      samples.count(`overload: ${name}: refused`) === 0 ? '-' : { atMost: aim },
      cellOf(samples, `overload: ${name}`, 'late')
    ])
  }
}

/** @param {readonly import('../harness/in-process.js').Row[]} rows @returns {import('../harness/cells.js').Table} */
function costTable(rows) {
  const row = rows.at(-1)
  if (row === undefined) throw new Error('nothing was measured')
  const nanoseconds = spreadOf(row.hot.samples.map((sample) => sample * 1000))
  return {
    title: 'What an admitted request costs more, in process, hot',
    columns: [
      'what',
      { name: 'added CPU, ns', digits: 0 },
      'aim',
      { name: 'added bytes', digits: 0 },
      'aim'
    ],
    rows: [
      [
        row.variant,
        figureOf(nanoseconds),
        { atMost: 200 },
        figureOf(row.addedBytes),
        { atMost: 100 }
      ]
    ]
  }
}

/** @param {Samples} samples */
function notesOf(samples) {
  const quota = WAYS.find(({ how }) => 'quota' in how)
  return [
    ...(nginx === undefined ? ['nginx is not installed: apt-get install nginx'] : []),
    ...(quota !== undefined && samples.count(`${idOf(OURS, quota.name, DECISIVE)}: goodput`) === 0
      ? ['This machine lets no control group be made: half a core was not measured.']
      : [])
  ]
}
