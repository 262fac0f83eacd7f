/**
 * The dashboard for Grafana, from the questions and the table of metrics.
 */
import { type KnownMetric, narrowed } from './metrics.ts'
import { type Query, type Question, topics } from './questions.ts'

/** Grafana's own placeholder. */
const DATASOURCE = { type: 'prometheus', uid: ['$', '{datasource}'].join('') }
const COLUMNS = 24
const WIDTH = 8
const HEIGHT = 8
const BREAKER = 'holdfast_circuit_breaker_name'

/** Only what the variables of the dashboard let through. */
function matchersOf({ labels }: KnownMetric): string[] {
  const breaker = labels.includes(BREAKER) ? [`${BREAKER}=~"$breaker"`] : []
  return ['job=~"$job"', 'instance=~"$instance"', ...breaker]
}

/** A query as a panel asks it: rates are over what fits the scrape interval and the zoom. */
function asked(expr: string): string {
  return narrowed(expr, matchersOf).replaceAll('[5m]', '[$__rate_interval]')
}

function target({ expr, legend }: Query, place: number): object {
  return {
    datasource: DATASOURCE,
    editorMode: 'code',
    exemplar: expr.includes('_bucket'),
    expr: asked(expr),
    legendFormat: legend,
    range: true,
    refId: String.fromCharCode('A'.charCodeAt(0) + place)
  }
}

function mappings(states: NonNullable<Question['states']>): object[] {
  const options = states.map(([text, color], value) => [value, { text, color, index: value }])
  return [{ type: 'value', options: Object.fromEntries(options) }]
}

function panel(question: Question, id: number, place: number, y: number): object {
  const { title, unit, note, queries, states } = question
  const perRow = COLUMNS / WIDTH
  const common = {
    id,
    title,
    ...(note === undefined ? {} : { description: note }),
    datasource: DATASOURCE,
    gridPos: {
      h: HEIGHT,
      w: WIDTH,
      x: (place % perRow) * WIDTH,
      y: y + Math.floor(place / perRow) * HEIGHT
    },
    targets: queries.map(target)
  }
  if (states !== undefined) {
    return {
      ...common,
      type: 'state-timeline',
      fieldConfig: {
        defaults: { mappings: mappings(states), custom: { fillOpacity: 80, lineWidth: 0 } },
        overrides: []
      },
      options: {
        mergeValues: true,
        showValue: 'auto',
        rowHeight: 0.9,
        legend: { showLegend: false }
      }
    }
  }
  const floor = unit === 'percentunit' && title.startsWith('What is left') ? {} : { min: 0 }
  return {
    ...common,
    type: 'timeseries',
    fieldConfig: {
      defaults: {
        unit,
        ...floor,
        custom: { fillOpacity: 10, showPoints: 'never', spanNulls: false }
      },
      overrides: []
    },
    options: {
      legend: { displayMode: 'list', placement: 'bottom', showLegend: true },
      tooltip: { mode: 'multi', sort: 'desc' }
    }
  }
}

function panels(): object[] {
  const all: object[] = []
  let y = 0
  let id = 0
  for (const { title, questions } of topics) {
    all.push({
      id: ++id,
      type: 'row',
      title,
      collapsed: false,
      gridPos: { h: 1, w: COLUMNS, x: 0, y: y++ },
      panels: []
    })
    for (const [place, question] of questions.entries()) {
      all.push(panel(question, ++id, place, y))
    }
    y += Math.ceil(questions.length / (COLUMNS / WIDTH)) * HEIGHT
  }
  return all
}

function variable(name: string, label: string, metric: string): object {
  const query = `label_values(${metric}, ${label})`
  return {
    name,
    label: name,
    type: 'query',
    datasource: DATASOURCE,
    definition: query,
    query: { query, refId: name },
    refresh: 2,
    sort: 1,
    multi: true,
    includeAll: true,
    // Also where no series has the label: a service without breakers has no value for it.
    allValue: '.*',
    current: { selected: true, text: ['All'], value: ['$__all'] }
  }
}

/** Builds the dashboard, as Grafana imports it. */
export function dashboard(): object {
  const transitions = asked(
    `sum by (${BREAKER}, holdfast_circuit_breaker_state) (increase(holdfast_circuit_breaker_transitions_total[1m])) > 0`
  )
  return {
    uid: 'holdfast',
    title: 'Holdfast',
    description: 'Services with @holdfast/telemetry',
    tags: ['holdfast', 'fastify'],
    schemaVersion: 39,
    version: 1,
    editable: true,
    graphTooltip: 1,
    refresh: '30s',
    time: { from: 'now-1h', to: 'now' },
    timezone: 'browser',
    templating: {
      list: [
        {
          name: 'datasource',
          label: 'datasource',
          type: 'datasource',
          query: 'prometheus',
          refresh: 1,
          current: {}
        },
        variable('job', 'job', 'http_server_active_requests'),
        variable('instance', 'instance', 'http_server_active_requests{job=~"$job"}'),
        variable('breaker', BREAKER, 'holdfast_circuit_breaker_status{job=~"$job"}')
      ]
    },
    annotations: {
      list: [
        {
          name: 'Breakers',
          datasource: DATASOURCE,
          enable: true,
          iconColor: 'red',
          expr: transitions,
          step: '1m',
          titleFormat: `{{${BREAKER}}} is {{holdfast_circuit_breaker_state}}`,
          tagKeys: BREAKER
        }
      ]
    },
    panels: panels()
  }
}

/** Every query of the dashboard, with values in the place of Grafana's variables. */
export function dashboardQueries(): string[] {
  const text = JSON.stringify(dashboard())
  const found = text.matchAll(/"expr":("(?:[^"\\]|\\.)*")/g)
  return [...found].map(([, query = '']) =>
    String(JSON.parse(query))
      .replaceAll('$__rate_interval', '5m')
      .replaceAll(/\$(job|instance|breaker)\b/g, '.*')
  )
}
