import { enlist } from '@holdfast/core'
import Fastify, { type FastifyInstance, type FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import t, { type Test } from 'tap'

/** A plugin by its name: what it does is not looked at. */
const named = (name: string): FastifyPluginAsync => fp(async () => {}, { name })

const cors = named('@fastify/cors')
const helmet = named('@fastify/helmet')
const limiter = fp(async (app) => enlist(app, 'limiter', { refuses: true }))
const breaker = fp(async (app) => enlist(app, 'breaker', { refuses: true }))

async function warnings(t: Test, build: (app: FastifyInstance) => void): Promise<string[]> {
  const lines: string[] = []
  const stream = { write: (line: string) => void lines.push(JSON.parse(line).msg) }
  const app = Fastify({ logger: { level: 'warn', stream } })
  t.teardown(() => app.close())
  build(app)
  await app.ready()
  return lines
}

const LATE = (plugin: string, place = ''): string =>
  `${plugin} is registered after limiter${place}: refusals go out without its header fields, and a browser hides them from the page's script. Register ${plugin} before it, on the same instance.`

t.test('plugins whose header fields refusals would lack are named, each once', async (t) => {
  const told = await warnings(t, (app) => {
    app.register(limiter).register(breaker).register(cors).register(helmet)
  })
  t.same(told, [LATE('@fastify/cors'), LATE('@fastify/helmet')])
})

t.test('in a scope they come too late as well', async (t) => {
  const told = await warnings(t, (app) => {
    app.register(limiter)
    app.register(async (api) => api.register(async (inner) => inner.register(cors)), {
      prefix: '/api'
    })
  })
  t.same(told, [LATE('@fastify/cors', ', in the scope "/api"')])
})

t.test('before a plugin that refuses, and beside one that does not, they are right', async (t) => {
  const before = await warnings(t, (app) => app.register(cors).register(helmet).register(limiter))
  const beside = await warnings(t, (app) => {
    app.register(fp(async (app) => enlist(app, 'log'))).register(cors)
    app.register(async (scope) => scope.register(limiter), { prefix: '/limited' })
  })
  t.same([before, beside], [[], []])
})
