/**
 * A plugin of a third party beside others: core knows none of them by name.
 */
import { enlist, factsOf, peekFacts, type RequestFacts, subscribe } from '@holdfast/core'
import Fastify from 'fastify'
import fp from 'fastify-plugin'
import t from 'tap'
import { fetch } from 'undici'
import { eventually, listen } from '../../../test/support/http.ts'
import { tenants } from './tenants.ts'

t.test('it brings a fact, a refuser, a refusal and a channel of its own', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  const names: string[] = []
  t.teardown(subscribe('acme:tenants:refused', ({ name }) => names.push(name)))
  const seen: RequestFacts[] = []
  app.register(tenants, { known: ['red'] })
  app.addHook('onResponse', async (request) => {
    seen.push(factsOf(request))
  })
  app.get('/', async (request) => factsOf(request).tenant)
  const url = `http://127.0.0.1:${await listen(app)}/`

  const served = await fetch(url, { headers: { 'x-tenant': 'red' } })
  t.strictSame(await served.json(), { name: 'red', known: true })
  const denied = await fetch(url, { headers: { 'x-tenant': 'blue' } })
  t.equal(denied.status, 403)
  t.match(await denied.json(), {
    code: 'ACME_ERR_TENANT_UNKNOWN',
    detail: 'Tenant blue is not known'
  })

  await eventually(() => seen.length === 2)
  t.strictSame(
    seen.map(({ refusedBy, tenant }) => ({ refusedBy, tenant })),
    [
      { refusedBy: undefined, tenant: { name: 'red', known: true } },
      { refusedBy: 'acme-tenants', tenant: { name: 'blue', known: false } }
    ]
  )
  t.strictSame(names, ['blue'])
  await eventually(() => app.tenantEndings.size === 2)
  t.strictSame(Object.fromEntries(app.tenantEndings), { 'red finished': 1, 'blue finished': 1 })
})

t.test('it says which plugin it stands behind, and the boot names a wrong order', async (t) => {
  const frontDoor = fp(async (app) => enlist(app, 'acme-front-door'), { name: 'acme-front-door' })
  const warningsOf = async (...order: ('door' | 'tenants')[]): Promise<string[]> => {
    const warnings: string[] = []
    const write = (line: string): void => {
      const { level, msg } = JSON.parse(line)
      if (level === 40) warnings.push(msg)
    }
    const app = Fastify({ logger: { stream: { write } } })
    for (const name of order) {
      if (name === 'door') app.register(frontDoor)
      else app.register(tenants, { known: [] })
    }
    await app.ready()
    await app.close()
    return warnings
  }
  t.strictSame(await warningsOf('door', 'tenants'), [])
  t.strictSame(await warningsOf('tenants'), [], 'alone it stands anywhere')
  t.strictSame(await warningsOf('tenants', 'door'), [
    'acme-front-door is registered after acme-tenants: requests meet acme-tenants first. Move app.register() of acme-front-door above it.'
  ])
})

t.test('its options are checked as those of the suite', async (t) => {
  const app = Fastify()
  // @ts-expect-error the wrong option
  app.register(tenants, { knwon: ['red'] })
  await t.rejects(Promise.resolve(app.ready()), {
    code: 'HOLDFAST_ERR_OPTION_UNKNOWN',
    message: /^tenants: the option "knwon" does not exist\. Did you mean "known"\?/
  })
})

t.test('a fact that is not written yet reads as undefined, and peeking creates none', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  app.get('/', async (request) => {
    const before = peekFacts(request)
    const facts = factsOf(request)
    t.equal(facts.tenant, undefined)
    return { before: before === undefined, same: peekFacts(request.raw) === facts }
  })
  t.strictSame((await app.inject('/')).json(), { before: true, same: true })
})
