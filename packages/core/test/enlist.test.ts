/**
 * Which plugin is registered where, and what a route says to all: `route-config.ts`.
 */
import { enlist, type Placement } from '@holdfast/core'
import Fastify, { type FastifyInstance, type FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import t from 'tap'

interface Logged {
  readonly level: number
  readonly msg: string
}

function logged(): { app: FastifyInstance; warnings: () => string[] } {
  const lines: Logged[] = []
  const app = Fastify({
    logger: { stream: { write: (line: string) => lines.push(JSON.parse(line)) } }
  })
  return {
    app,
    warnings: () => lines.filter(({ level }) => level === 40).map(({ msg }) => msg)
  }
}

/** A plugin that does nothing but enlist. */
const plugin = (name: string, placement?: Placement): FastifyPluginAsync =>
  fp(async (app) => enlist(app, name, placement), { name })

const lifecycle = () => plugin('@holdfast/lifecycle', { root: true, first: true })
const limiter = () => plugin('@holdfast/rate-limit', { after: ['@holdfast/lifecycle'] })
const breaker = () => plugin('@holdfast/circuit-breaker', { after: ['@holdfast/rate-limit'] })

t.test('plugins in the order of the request say nothing', async (t) => {
  const { app, warnings } = logged()
  app.register(lifecycle())
  app.addHook('onRequest', async () => {})
  app.register(limiter())
  app.register(breaker())
  // Asks for no place.
  app.register(plugin('@holdfast/request-logging'))
  await app.ready()
  t.strictSame(warnings(), [])
  await app.close()
})

t.test('a plugin behind one it should precede is named, with the remedy', async (t) => {
  const { app, warnings } = logged()
  app.register(breaker())
  app.register(limiter())
  await app.ready()
  t.strictSame(warnings(), [
    '@holdfast/rate-limit is registered after @holdfast/circuit-breaker: requests meet @holdfast/circuit-breaker first. Move app.register() of @holdfast/rate-limit above it.'
  ])
  await app.close()
})

t.test('order matters only where one request meets both', async (t) => {
  const { app, warnings } = logged()
  app.register(async (scope) => {
    scope.register(breaker())
  })
  app.register(async (scope) => {
    scope.register(limiter())
  })
  await app.ready()
  t.strictSame(warnings(), [], 'two scopes beside each other')
  await app.close()

  const nested = logged()
  nested.app.register(breaker())
  nested.app.register(async (scope) => {
    scope.register(limiter())
  })
  await nested.app.ready()
  t.equal(nested.warnings().length, 1, 'a scope within the other')
  await nested.app.close()

  const early = logged()
  early.app.register(async (scope) => {
    scope.register(breaker())
  })
  early.app.register(limiter())
  await early.app.ready()
  t.equal(early.warnings().length, 1, 'a scope declared before')
  await early.app.close()
})

t.test('who must be first warns where hooks cannot be put in front', async (t) => {
  const { app, warnings } = logged()
  t.teardown(() => app.close())
  app.addHook('onRequest', async () => {})
  app.register(plugin('acme-probes', { first: true }))
  // Without a list of hooks of its own, as in a version of Fastify that keeps it elsewhere.
  enlist(Object.create(app), '@holdfast/lifecycle', { first: true })
  await app.ready()
  t.strictSame(warnings(), [
    '@holdfast/lifecycle cannot put its hook in front of the others in this version of Fastify. Move app.register() of @holdfast/lifecycle above every onRequest hook.'
  ])
})

t.test('one instance takes a plugin once; a scope may have its own', async (t) => {
  const app = Fastify()
  app.register(limiter())
  app.register(async (scope) => {
    scope.register(limiter())
  })
  await app.ready()
  await app.close()

  const twice = Fastify()
  twice.register(limiter())
  twice.register(limiter())
  await t.rejects(Promise.resolve(twice.ready()), {
    code: 'HOLDFAST_ERR_REGISTERED_TWICE',
    message: /^@holdfast\/rate-limit is already registered on this Fastify instance\. Remove one/
  })
})

t.test('a plugin for the root refuses a scope', async (t) => {
  const app = Fastify()
  app.register(async function orders(scope) {
    scope.register(plugin('@holdfast/lifecycle', { root: true }))
  })
  await t.rejects(Promise.resolve(app.ready()), {
    code: 'HOLDFAST_ERR_NOT_AT_ROOT',
    message: /^@holdfast\/lifecycle must be registered on the root Fastify instance/
  })
})

t.test('a misspelling under config.holdfast stops the boot, in reach of a plugin', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(async (scope) => {
    enlist(scope, '@holdfast/rate-limit')
    const wrong = JSON.parse('{"holdfast":{"prob":true}}')
    t.throws(() => scope.get('/wrong', { config: wrong }, async () => ''), {
      code: 'HOLDFAST_ERR_OPTION_UNKNOWN',
      message: /^config.holdfast of GET \/wrong: the option "prob" does not exist.*: probe\.$/
    })
    t.throws(
      () => scope.get('/type', { config: { holdfast: { probe: 'yes' as never } } }, async () => ''),
      {
        code: 'HOLDFAST_ERR_OPTION_INVALID',
        message: /"config.holdfast of GET \/type.probe" must be true or false/
      }
    )
    scope.get('/without', async () => '')
    const misspelt = { config: { holdFast: { probe: true } } }
    t.throws(() => scope.get('/name', misspelt, async () => 'name'), {
      code: 'HOLDFAST_ERR_ROUTE_OPTION_MISPLACED',
      message: /^GET \/name: config\.holdFast has no effect\. Write config: \{ holdfast: /
    })
    scope.get('/right', { config: { holdfast: { probe: true } } }, async () => 'right')
  })
  t.equal((await app.inject('/right')).body, 'right')
})

t.test('a plugin can say what to do instead of registering it twice', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  enlist(app, 'tenants', { twice: 'Give both lists to one.' })
  t.throws(() => enlist(app, 'tenants', { twice: 'Give both lists to one.' }), {
    message:
      'tenants is already registered on this Fastify instance. Remove one of the two registrations. Give both lists to one.'
  })
})

t.test('a decorator that another plugin has added is named, with the remedy', async (t) => {
  const other = fp(async (app) => void app.decorate('tenants', {}))
  const ours = plugin('acme-tenants', { decorators: ['tenant', 'tenants'] })
  await t.rejects(async () => Fastify().register(other).register(ours).ready(), {
    code: 'HOLDFAST_ERR_DECORATOR_TAKEN',
    message: /^acme-tenants adds the decorator "tenants", .* or give each of the two a scope/
  })
  const apart = Fastify().register(other)
  apart.register(async (scope) => scope.register(ours))
  await t.resolves(async () => apart.ready(), 'a scope may have its own')
})
