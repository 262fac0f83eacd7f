/**
 * `docs/observe.md` and the dashboard of `@holdfast/telemetry` are what the table of metrics, the questions and
 * the rules say. To accept a change, run
 *
 *     WRITE_PAGE=1 npx tap --disable-coverage test/observe.test.ts
 */
import { writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { parse } from 'yaml'
import { dashboard, dashboardQueries } from './support/observe/dashboard.ts'
import { metrics, unknownIn, usesOf } from './support/observe/metrics.ts'
import { type Alert, observePage } from './support/observe/page.ts'
import { topics } from './support/observe/questions.ts'
import { root } from './support/pack.js'

interface Rule extends Partial<Alert> {
  readonly record?: string
  readonly expr: string
}

const PACKAGE = join(root, 'packages', 'telemetry')
const read = (file: string): Promise<string> => readFile(file, 'utf8')
const { groups } = parse(await read(join(PACKAGE, 'rules.yml'))) as { groups: { rules: Rule[] }[] }
const rules = groups.flatMap(({ rules }) => rules)
const alerts = rules.filter((rule): rule is Alert => rule.alert !== undefined)

async function isWritten(t: Test, file: string, text: string): Promise<void> {
  if (process.env['WRITE_PAGE']) writeFileSync(file, text)
  t.equal(await read(file), text)
}

t.test('the page says what the questions, the rules and the table of metrics say', async (t) => {
  await isWritten(t, join(root, 'docs', 'observe.md'), observePage(alerts))
})

t.test('the dashboard is made from the questions and the table of metrics', async (t) => {
  await isWritten(t, join(PACKAGE, 'dashboard.json'), `${JSON.stringify(dashboard(), null, 2)}\n`)
})

t.test(
  'every query of dashboard, page and rules reads metrics and labels that exist',
  async (t) => {
    const asked = topics.flatMap(({ questions }) => questions.flatMap(({ queries }) => queries))
    const queries = [...dashboardQueries(), ...asked.map(({ expr }) => expr)]
    t.ok(queries.length > 80)
    for (const query of queries) {
      t.ok(usesOf(query).length > 0, query)
      t.strictSame(unknownIn(query), [], query)
    }
    const records = new Set(rules.flatMap(({ record }) => (record === undefined ? [] : [record])))
    for (const { expr } of rules) {
      const recorded = [...expr.matchAll(/\bjob:[\w:]+/g)].map(([name]) => name)
      t.ok(usesOf(expr).length + recorded.length > 0, expr)
      t.strictSame(unknownIn(expr), [], expr)
      for (const name of recorded) t.ok(records.has(name), name)
    }
  }
)

t.test('a name that no metric has is found out', async (t) => {
  const wrong = 'sum by (holdfast_reason) (rate(holdfast_refusal_total{http_rout="/"}[5m]))'
  t.strictSame(unknownIn(wrong), ['holdfast_reason', 'holdfast_refusal_total', 'http_rout'])
  t.strictSame(unknownIn('nodejs_eventloop_delay_max_seconds{state="active"}'), [
    'nodejs_eventloop_delay_max_seconds{state}'
  ])
})

t.test('the dashboard shows every metric', async (t) => {
  const shown = new Set(
    dashboardQueries().flatMap((query) => usesOf(query).map(({ metric }) => metric.name))
  )
  t.strictSame(
    metrics.map(({ name }) => name).filter((name) => !shown.has(name)),
    []
  )
})

t.test(
  'every alert says where to read what to do, and the package has what the page names',
  async (t) => {
    const page = observePage(alerts)
    for (const { alert, annotations } of alerts) {
      t.match(annotations.runbook_url, new RegExp(`/docs/observe\\.md#${alert.toLowerCase()}$`))
      t.match(page, `### ${alert}\n`)
    }
    t.ok(alerts.length >= 9)
    const { files } = JSON.parse(await read(join(PACKAGE, 'package.json'))) as { files: string[] }
    for (const file of ['rules.yml', 'dashboard.json']) t.ok(files.includes(file), file)
  }
)
