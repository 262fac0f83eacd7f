/**
 * A bar chart with the quartiles as whiskers, as SVG text.
 */
import * as echarts from 'echarts'
import { isFigure } from './cells.js'

const WIDTH = 760
const OURS = '#2563eb'
const OTHERS = '#94a3b8'

/**
 * @param {import('./report.js').Plot} plot
 * @param {readonly import('./cells.js').Table[]} tables in which its figures stand
 * @returns {string}
 */
export function drawPlot({ title, unit, table, column }, tables) {
  const bars = (tables[table]?.rows ?? []).flatMap(({ [0]: label, [column]: figure }) => {
    if (!isFigure(figure)) return []
    const [, lower = 0, value = 0, upper = 0] = figure
    return { label: String(label), value, lower, upper }
  })
  const height = 110 + bars.length * 34
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height })
  chart.setOption({
    animation: false,
    backgroundColor: '#ffffff',
    title: { text: title, textStyle: { fontSize: 15 } },
    grid: { left: 250, right: 70, top: 50, bottom: 45 },
    xAxis: { type: 'value', name: unit, nameLocation: 'middle', nameGap: 28 },
    yAxis: {
      type: 'category',
      inverse: true,
      data: bars.map(({ label }) => label),
      axisLabel: { width: 235, overflow: 'truncate' }
    },
    series: [
      {
        type: 'bar',
        barWidth: 18,
        label: { show: true, position: 'right', formatter: '{c}' },
        data: bars.map(({ label, value }) => ({
          value: Number(value.toPrecision(3)),
          itemStyle: { color: label.includes('holdfast') ? OURS : OTHERS }
        }))
      },
      {
        type: 'custom',
        silent: true,
        data: bars.map(({ lower, upper }, index) => [index, lower, upper]),
        renderItem: whisker
      }
    ]
  })
  const svg = chart.renderToSVGString()
  chart.dispose()
  return `${svg}\n`
}

/** @param {unknown} _parameters @param {import('echarts').CustomSeriesRenderItemAPI} api */
function whisker(_parameters, api) {
  const [x1 = 0, y = 0] = api.coord([api.value(1), api.value(0)])
  const [x2 = 0] = api.coord([api.value(2), api.value(0)])
  return {
    type: /** @type {const} */ ('line'),
    shape: { x1, y1: y, x2, y2: y },
    style: { stroke: '#0f172a', lineWidth: 2 }
  }
}
