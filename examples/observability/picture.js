/**
 * Answers of Prometheus as lines of text.
 */

const BARS = ' ▁▂▃▄▅▆▇█'
const NAME_WIDTH = 34

/**
 * Draws an answer: a line for each series that is not zero all the time.
 *
 * @param {import('./questions.js').Question} question
 * @param {import('./prometheus.js').Series[]} answer
 * @param {readonly number[]} times a column for each, in seconds since 1970
 * @returns {string}
 */
export function draw({ title, labels, states }, answer, times) {
  const series = answer
    .map(({ metric, values }) => {
      const byTime = new Map(values.map(([time, value]) => [time, Number(value)]))
      return {
        name: labels.map((label) => metric[label] ?? '-').join(', '),
        values: times.map((time) => byTime.get(time))
      }
    })
    .filter(({ values }) => values.some((value) => value !== undefined && value > 0))
    .sort((one, other) => (one.name < other.name ? -1 : 1))
  // All lines of a picture have the same scale.
  const top = states
    ? states.length - 1
    : Math.max(...series.flatMap(({ values }) => values.map(known)))
  const lines = series.map(({ name, values }) => {
    const bars = values.map((value) => BARS[heightOf(value, top)]).join('')
    const most = Math.max(...values.map(known))
    const said = states ? `was ${states[most]}` : `at most ${most.toFixed(1)}`
    return `  ${name.slice(0, NAME_WIDTH).padEnd(NAME_WIDTH)} ${bars}  ${said}`
  })
  return [title, ...(lines.length > 0 ? lines : ['  nothing'])].join('\n')
}

/** A series may have no value: at its beginning, or where nothing is divided by nothing. @param {number | undefined} value */
function known(value) {
  return value !== undefined && Number.isFinite(value) ? value : 0
}

/** @param {number | undefined} value @param {number} top */
function heightOf(value, top) {
  const part = known(value) / top
  return part > 0 ? Math.max(1, Math.round(part * (BARS.length - 1))) : 0
}
