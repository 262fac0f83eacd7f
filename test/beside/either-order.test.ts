/**
 * Every plugin before the suite and behind it: requests are served, limited and logged in either order, and
 * probes are answered. Only where CORS or helmet come too late for refusals the boot says so.
 */
import { tmpdir } from 'node:os'
import compress from '@fastify/compress'
import cookie from '@fastify/cookie'
import cors from '@fastify/cors'
import helmet from '@fastify/helmet'
import proxy from '@fastify/http-proxy'
import jwt from '@fastify/jwt'
import multipart from '@fastify/multipart'
import { FastifyOtelInstrumentation } from '@fastify/otel'
import sensible from '@fastify/sensible'
import session from '@fastify/session'
import files from '@fastify/static'
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import underPressure from '@fastify/under-pressure'
import websocket from '@fastify/websocket'
import type { FastifyInstance } from 'fastify'
import holdfast from 'holdfast'
import t from 'tap'
import { quiet, service } from './service.ts'

type Register = (app: FastifyInstance) => unknown

const suite: Register = (app) => app.register(holdfast, { lifecycle: quiet, rateLimit: { max: 1 } })

const plugins: Record<string, Register> = {
  compress: (app) => app.register(compress),
  cookie: (app) => app.register(cookie),
  cors: (app) => app.register(cors, { origin: true }),
  helmet: (app) => app.register(helmet),
  'http-proxy': (app) => app.register(proxy, { upstream: 'http://127.0.0.1:1', prefix: '/shop' }),
  jwt: (app) => app.register(jwt, { secret: 'a secret of the test' }),
  multipart: (app) => app.register(multipart),
  otel: (app) => app.register(new FastifyOtelInstrumentation().plugin()),
  sensible: (app) => app.register(sensible),
  session: async (app) => {
    await app.register(cookie)
    await app.register(session, { secret: 'a secret of the test that is long enough' })
  },
  static: (app) => app.register(files, { root: tmpdir(), prefix: '/files/' }),
  swagger: (app) => app.register(swagger),
  'swagger-ui': async (app) => {
    await app.register(swagger)
    await app.register(swaggerUi)
  },
  'under-pressure': (app) => app.register(underPressure, { maxEventLoopDelay: 60_000 }),
  websocket: (app) => app.register(websocket)
}

for (const [name, register] of Object.entries(plugins)) {
  for (const order of [
    [register, suite],
    [suite, register]
  ]) {
    const place = order[0] === suite ? 'behind' : 'before'
    t.test(`@fastify/${name} ${place} the suite`, async (t) => {
      const { app, requests, warnings } = service(t)
      for (const register of order) await register(app)
      app.get('/', async () => 'ok')
      const statuses = []
      for (const url of ['/', '/', '/livez']) statuses.push((await app.inject(url)).statusCode)
      t.same(statuses, [200, 429, 200])
      t.match(
        requests().map(({ outcome }) => outcome),
        ['ok', 'refused']
      )
      const isLate = place === 'behind' && (name === 'cors' || name === 'helmet')
      t.match(warnings(), isLate ? [/registered after .* Register @fastify.* before it/] : [])
      t.equal(warnings().length, isLate ? 1 : 0)
    })
  }
}
