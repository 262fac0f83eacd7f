// @ts-check
/**
 * The two charts: requests by outcome, and how long they take.
 */
import { ChartLines, SPAN } from './chart-lines.js'
import { byId, h, show } from './dom.js'
import { latency, perSecond } from './text.js'

/** @typedef {import('uplot')} Chart */
/** Loaded by the page before this. @type {typeof import('uplot')} */
const UPlot = Reflect.get(globalThis, 'uPlot')

/** Each line with what it means; the style sheet has its colour. */
const OUTCOMES = [
  ['ok', 'ok', 'good', []],
  ['client-error', 'client error', 'info', [8, 4]],
  ['refused', 'refused', 'warn', [3, 3]],
  ['server-error', 'server error', 'bad', []],
  ['aborted', 'client left', 'muted', [2, 4]],
  ['cut', 'cut off', 'bad', [2, 3]]
]
const TIMES = [
  ['p50', 'half within', 'info', []],
  ['p99', '99 % within', 'warn', [6, 3]]
]

const HEIGHT = 190
/** What a page that was opened just now shows, in seconds. */
const LEAST_SPAN = 120
/** How far apart the marks of an axis may be: in seconds, and in what the values count. */
const MINUTES = [60, 120, 300]
const STEPS = [1, 10, 100, 1000, 10_000, 100_000].flatMap((size) => [size, 2 * size, 5 * size])
const STEP = 10
const ROWS = 6

/** A chart with its legend and its numbers as a table. */
class LineChart {
  #host
  #lines
  #series
  #format
  #title
  /** @type {Chart | undefined} */
  #chart

  /**
   * @param {string} id of the element that holds it
   * @param {string} title
   * @param {unknown[][]} series
   * @param {(value: number) => string} format
   */
  constructor(id, title, series, format) {
    this.#host = byId(id)
    this.#title = title
    this.#series = /** @type {[string, string, string, number[]][]} */ (series)
    this.#format = format
    this.#lines = new ChartLines(this.#series.map(([name]) => name))
    const place = this.#place
    new ResizeObserver(() =>
      this.#chart?.setSize({ width: place.clientWidth, height: HEIGHT })
    ).observe(place)
    // Colours are the style sheet's, for light and dark.
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
      this.#chart?.destroy()
      this.#chart = undefined
      this.draw()
    })
  }

  get #place() {
    return /** @type {HTMLElement} */ (this.#host.querySelector('.plot'))
  }

  /**
   * @param {number} at seconds
   * @param {(name: string) => number | undefined} value
   */
  add(at, value) {
    this.#lines.add(at, value)
  }

  draw() {
    const [times, ...lines] = this.#lines.data
    const now = lines.map((line) => line.at(-1) ?? null)
    this.#chart ??= new UPlot(this.#options(), [times, ...lines], this.#place)
    const end = times.at(-1) ?? 0
    const begin = Math.max(end - SPAN, Math.min(times[0] ?? 0, end - LEAST_SPAN))
    this.#chart.batch(() => {
      this.#chart?.setData([times, ...lines], false)
      this.#chart?.setScale('x', { min: begin, max: end })
    })
    const said = this.#series.map(([, meaning], index) => `${meaning}: ${this.#text(now[index])}`)
    this.#place.setAttribute(
      'aria-label',
      `${this.#title}, the last ten minutes. Now ${said.join(', ')}.`
    )
    show(/** @type {Element} */ (this.#host.querySelector('.legend')), this.#legend(now))
    const numbers = this.#host.querySelector('details')
    if (numbers?.open)
      show(/** @type {Element} */ (numbers.querySelector('.numbers')), [this.#table()])
  }

  /** @param {number | null | undefined} value */
  #text(value) {
    return value === null || value === undefined ? '–' : this.#format(value)
  }

  /** @param {(number | null)[]} now */
  #legend(now) {
    return this.#series.map(([, meaning, colour, dash], index) =>
      h(
        'div',
        { class: 'key' },
        h(
          'dt',
          {},
          h('span', {
            class: `line ${colour} ${dash.length > 0 ? 'dashed' : ''}`,
            'aria-hidden': 'true'
          }),
          ` ${meaning}`
        ),
        h('dd', {}, this.#text(now[index]))
      )
    )
  }

  #table() {
    const rows = this.#lines.rows(STEP, ROWS)
    return h(
      'table',
      {},
      h(
        'thead',
        {},
        h(
          'tr',
          {},
          h('th', { scope: 'col' }, 'ago'),
          ...this.#series.map(([name]) => h('th', { scope: 'col' }, name))
        )
      ),
      h(
        'tbody',
        {},
        rows.map(({ age, values }) =>
          h(
            'tr',
            {},
            h('th', { scope: 'row' }, `${age} s`),
            ...values.map((value) => h('td', {}, this.#text(value)))
          )
        )
      )
    )
  }

  /** @returns {import('uplot').Options} */
  #options() {
    const style = getComputedStyle(document.documentElement)
    /** @param {string} name */
    const colour = (name) => style.getPropertyValue(`--${name}`).trim()
    const axis = {
      stroke: colour('muted'),
      grid: { stroke: colour('line'), width: 1 },
      ticks: { stroke: colour('line'), width: 1 },
      font: '12px system-ui, sans-serif'
    }
    return {
      width: Math.max(200, this.#place.clientWidth),
      height: HEIGHT,
      legend: { show: false },
      cursor: { show: false },
      scales: { y: { range: (_chart, _min, max) => [0, Math.max(1, (max ?? 0) * 1.1)] } },
      axes: [
        {
          ...axis,
          space: 70,
          incrs: MINUTES,
          values: (_chart, ticks) => ticks.map((tick) => clock.format(tick * 1000))
        },
        {
          ...axis,
          size: 64,
          incrs: STEPS,
          values: (_chart, ticks) => ticks.map((tick) => this.#format(tick))
        }
      ],
      series: [
        {},
        ...this.#series.map(([, , name, dash]) => ({
          stroke: colour(name),
          width: 2,
          dash,
          points: { show: false }
        }))
      ]
    }
  }
}

const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' })

export const requestChart = () =>
  new LineChart('requests-chart', 'Requests a second by outcome', OUTCOMES, perSecond)
export const latencyChart = () =>
  new LineChart('latency-chart', 'How long requests take', TIMES, latency)
