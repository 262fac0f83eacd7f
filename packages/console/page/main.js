// @ts-check
/**
 * Shows what the processes tell, once a second.
 */
import { breakerCard } from './breakers.js'
import { latencyChart, requestChart } from './charts.js'
import { badge, byId, h, show } from './dom.js'
import { breakers, latencies, limits, outcomeRates, present, upstreams } from './fleet.js'
import { lifeCard } from './life.js'
import { limitParts } from './limits.js'
import { problems } from './problems.js'
import { processCard } from './process.js'
import { sheddingCard } from './shedding.js'
import { basesOf, watch } from './streams.js'
import { counted } from './text.js'
import { tiles } from './tiles.js'
import { upstreamCard } from './upstreams.js'

const TICK = 1000

/** @type {{ watched: import('./fleet.js').Watched, close: () => void }[]} */
let streams = []
let isPaused = false
let isDrawing = false
/** The problems that were last said aloud. */
let said = ''

const requestsChart = requestChart()
const timesChart = latencyChart()

function open() {
  for (const stream of streams) stream.close()
  streams = basesOf(new URL(location.href)).map((base) => watch(base, soon))
  soon()
}

/** Draws with the next frame: several processes may tell something at once. */
function soon() {
  if (isDrawing || isPaused) return
  isDrawing = true
  requestAnimationFrame(() => {
    isDrawing = false
    draw()
  })
}

function draw() {
  const watched = streams.map((stream) => stream.watched)
  const processes = present(watched)
  const many = watched.length > 1
  document.documentElement.dataset['told'] = processes.length > 0 ? 'yes' : 'no'
  drawHead(watched, processes)
  drawProblems(watched, processes)
  show(byId('tiles'), tiles(processes))
  drawLife(watched, many)

  const cards = breakers(processes)
  drawSection(
    'breakers',
    cards.map(breakerCard),
    'No breaker has been made yet. A breaker appears when a route or a call uses it.',
    processes.some(({ latest }) => latest.breakers !== undefined)
  )
  drawSection(
    'upstreams',
    upstreams(processes).map(upstreamCard),
    'No upstream is declared: app.upstream(name, { origin }).',
    processes.some(({ latest }) => latest.upstreams !== undefined)
  )
  const rows = limits(processes)
  drawSection(
    'limits',
    rows.length === 0 ? [] : limitParts(rows, processes),
    'No limit is made yet.',
    processes.some(({ latest }) => latest.limits !== undefined)
  )
  const shed = processes.flatMap((process) => sheddingCard(process, many) ?? [])
  drawSection('shedding', shed, '', shed.length > 0)
  show(byId('processes-list'), processes.map(processCard))
  drawCharts(processes)
  const leftOut = processes.reduce((sum, { latest }) => sum + latest.leftOut, 0)
  show(
    byId('left-out'),
    leftOut === 0
      ? []
      : [
          `${counted(leftOut, 'breaker, limit or upstream is', 'breakers, limits and upstreams are')} not shown: there are too many.`
        ]
  )
}

/** @param {import('./fleet.js').Watched[]} watched @param {import('./fleet.js').Present} processes */
function drawHead(watched, processes) {
  const live = watched.filter(({ status }) => status === 'live').length
  const name =
    watched.length === 1
      ? (processes[0]?.latest.process.host ?? watched[0]?.name ?? '')
      : counted(watched.length, 'process', 'processes')
  show(byId('service'), [name])
  document.title = `${name} – Holdfast console`
  const [only] = watched
  const status =
    watched.length === 1 ? (only?.status ?? 'lost') : `${live} of ${watched.length} live`
  const isFine = live === watched.length
  show(byId('connection'), [
    badge(
      isPaused ? 'calm' : isFine ? 'good' : only?.status === 'connecting' ? 'calm' : 'bad',
      isPaused ? 'paused' : status
    )
  ])
}

/** @param {import('./fleet.js').Watched[]} watched @param {import('./fleet.js').Present} processes */
function drawProblems(watched, processes) {
  const found = problems(watched)
  const isQuiet = found.length === 0 && processes.length > 0
  show(
    byId('problems'),
    found.map(({ id, level, text, detail }) =>
      h(
        'li',
        { class: level, 'data-id': id },
        badge(level, level === 'bad' ? 'problem' : 'notice'),
        h('span', { class: 'what' }, ` ${text} `),
        h('span', { class: 'detail' }, detail)
      )
    )
  )
  const verdict = isQuiet
    ? 'All is well.'
    : found.length === 0
      ? 'Waiting for the first numbers.'
      : ''
  show(byId('verdict'), verdict === '' ? [] : [badge(isQuiet ? 'good' : 'calm', verdict)])
  // Aloud only what is new, not each second of a countdown.
  const aloud = found.map(({ text }) => text).join(' ') || verdict
  if (aloud === said) return
  said = aloud
  show(byId('aloud'), [aloud])
}

/** @param {import('./fleet.js').Watched[]} watched @param {boolean} many */
function drawLife(watched, many) {
  const cards = watched.flatMap((one) => lifeCard(one, many) ?? [])
  byId('life').hidden = cards.length === 0
  show(byId('life-list'), cards)
}

/**
 * @param {string} id
 * @param {import('./dom.js').Child[]} parts
 * @param {string} empty what to say when there is none
 * @param {boolean} isThere whether the plugin is
 */
function drawSection(id, parts, empty, isThere) {
  byId(id).hidden = !isThere
  show(byId(`${id}-list`), parts.length > 0 ? parts : [h('p', { class: 'quiet' }, empty)])
}

/** @param {import('./fleet.js').Present} processes */
function drawCharts(processes) {
  const isMeasured = processes.some(({ latest }) => latest.outcomes !== undefined)
  byId('charts').hidden = processes.length === 0 || !isMeasured
  byId('no-charts').hidden = processes.length === 0 || isMeasured
  if (!isMeasured) return
  requestsChart.draw()
  timesChart.draw()
}

function sample() {
  const processes = present(streams.map((stream) => stream.watched))
  const outcomes = outcomeRates(processes)
  const times = latencies(processes)
  const at = Date.now() / 1000
  requestsChart.add(at, (name) => outcomes && (outcomes.get(name) ?? 0))
  timesChart.add(at, (name) => (name === 'p50' ? times?.p50 : times?.p99))
  soon()
}

const pause = byId('pause')
pause.addEventListener('click', () => {
  isPaused = !isPaused
  pause.setAttribute('aria-pressed', String(isPaused))
  draw()
})
addEventListener('hashchange', open)
addEventListener('pagehide', () => {
  for (const stream of streams) stream.close()
})
addEventListener('pageshow', ({ persisted }) => persisted && open())
setInterval(sample, TICK)
open()
