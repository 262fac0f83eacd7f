/**
 * A plugin of a third party beside the suite: what it decides stands on the line of the request.
 */
import { enlist } from '@holdfast/core'
import { requestLogging } from '@holdfast/request-logging'
import { logController } from '@holdfast/request-logging/log-controller'
import Fastify from 'fastify'
import fp from 'fastify-plugin'
import holdfast from 'holdfast'
import t from 'tap'
import { fetch } from 'undici'
import { tenants } from '../packages/core/test/tenants.ts'
import { eventually, listen } from './support/http.ts'

interface Written {
  readonly level: number
  readonly msg: string
  readonly outcome?: string
}

/** What a logger writes, parsed. */
function log(): { lines: Written[]; stream: { write(line: string): void } } {
  const lines: Written[] = []
  return { lines, stream: { write: (line) => lines.push(JSON.parse(line)) } }
}

t.test('a refusal of its own is refused on the line, with its field', async (t) => {
  const { lines, stream } = log()
  const app = Fastify({ logger: { stream }, logController: logController() })
  t.teardown(() => app.close())
  app.register(requestLogging)
  app.register(tenants, { known: ['red'] })
  app.get('/', async () => 'served')
  const url = `http://127.0.0.1:${await listen(app)}/`
  for (const tenant of ['red', 'blue']) {
    await (await fetch(url, { headers: { 'x-tenant': tenant } })).text()
  }
  const requests = (): Written[] => lines.filter(({ outcome }) => outcome !== undefined)
  await eventually(() => requests().length === 2)
  t.match(requests(), [
    { status: 200, outcome: 'ok', tenant: 'red' },
    { status: 403, outcome: 'refused', refusedBy: 'acme-tenants', tenant: 'blue' }
  ])
  t.notOk(Object.hasOwn(requests()[0] as Written, 'refusedBy'))
})

t.test('it takes its place behind a plugin of the suite by name', async (t) => {
  const quota = fp(async (app) => enlist(app, 'acme-quota', { after: ['@holdfast/rate-limit'] }))
  const warningsOf = async (early: boolean): Promise<string[]> => {
    const { lines, stream } = log()
    const app = Fastify({ logger: { stream } })
    if (early) app.register(quota)
    app.register(holdfast, { lifecycle: false, rateLimit: {} })
    if (!early) app.register(quota)
    await app.ready()
    await app.close()
    return lines.map(({ msg }) => msg).filter((msg) => msg.includes('acme-quota'))
  }
  t.strictSame(await warningsOf(false), [])
  t.strictSame(await warningsOf(true), [
    '@holdfast/rate-limit is registered after acme-quota: requests meet acme-quota first. Move app.register() of @holdfast/rate-limit above it.'
  ])
})
