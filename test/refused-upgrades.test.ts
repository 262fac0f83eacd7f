/**
 * Upgrades that are refused: answered, told on a line and closed, whichever plugin is first.
 */
import type { Socket } from 'node:net'
import websocket from '@fastify/websocket'
import { lifecycle } from '@holdfast/lifecycle'
import { rateLimit } from '@holdfast/rate-limit'
import { requestLogging } from '@holdfast/request-logging'
import { logController } from '@holdfast/request-logging/log-controller'
import Fastify, { type FastifyInstance } from 'fastify'
import holdfast from 'holdfast'
import t from 'tap'
import { eventually, head, listen, rawConnection } from './support/http.ts'

const UPGRADE = {
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ=='
}

const COUNT = 5

interface Written {
  readonly level: number
  readonly outcome?: string
  readonly status?: number
  readonly duration: number
}

interface Case {
  readonly name: string
  /** Registers the plugins in the order of the case. */
  register(app: FastifyInstance): void
  readonly status: number
  /** What the lines of the upgrades say. */
  readonly outcome?: string
}

const denyAll = { max: 0 }
const answer401 = (app: FastifyInstance): void => {
  app.addHook('onRequest', async (_request, reply) => reply.code(401).send('who are you?'))
}

const CASES: Case[] = [
  {
    name: 'the suite before the WebSocket plugin',
    register: (app) => {
      app.register(holdfast, { lifecycle: false, rateLimit: denyAll })
      app.register(websocket)
    },
    status: 429,
    outcome: 'refused'
  },
  {
    name: 'the WebSocket plugin before the suite',
    register: (app) => {
      app.register(websocket)
      app.register(holdfast, { lifecycle: false, rateLimit: denyAll })
    },
    status: 429,
    outcome: 'refused'
  },
  {
    name: 'a limiter alone',
    register: (app) => {
      app.register(rateLimit, denyAll)
      app.register(websocket)
    },
    status: 429
  },
  {
    name: 'a hook of the application, behind the log',
    register: (app) => {
      app.register(requestLogging)
      app.after(() => answer401(app))
      app.register(websocket)
    },
    status: 401,
    outcome: 'client-error'
  }
]

for (const { name, register, status, outcome } of CASES) {
  t.test(`${name}: each is answered and closed, with its line`, async (t) => {
    const lines: Written[] = []
    const write = (line: string): void => {
      lines.push(JSON.parse(line))
    }
    const app = Fastify({ logger: { stream: { write } }, logController: logController() })
    t.teardown(() => app.close())
    register(app)
    app.register(async (scope) => {
      scope.get('/chat', { websocket: true }, (socket) => socket.send('hello'))
    })
    const sockets: Socket[] = []
    app.server.on('connection', (socket) => sockets.push(socket))
    const port = await listen(app)
    for (let sent = 0; sent < COUNT; sent++) {
      const connection = await rawConnection(port)
      connection.write(head('GET /chat', UPGRADE))
      t.match(await connection.ended(), new RegExp(`^HTTP/1\\.1 ${status} `))
    }
    await eventually(() => sockets.length === COUNT && sockets.every(({ closed }) => closed))
    if (outcome === undefined) return
    const requests = (): Written[] => lines.filter((line) => line.outcome !== undefined)
    await eventually(() => requests().length === COUNT)
    for (const line of requests()) {
      t.match(line, { status, outcome })
      t.ok(line.level < 50, 'no client can raise an alert')
    }
  })
}

t.test('an upgrade to a malformed URL is closed where there is lifecycle or the log', async (t) => {
  const plugins = {
    lifecycle: (app: FastifyInstance) => app.register(lifecycle, { signals: false }),
    'request-logging': (app: FastifyInstance) => app.register(requestLogging)
  }
  for (const [name, register] of Object.entries(plugins)) {
    const app = Fastify({ logger: { level: 'silent' } })
    t.teardown(() => app.close())
    register(app)
    app.register(websocket)
    const connection = await rawConnection(await listen(app))
    connection.write(head('GET /%zz', UPGRADE))
    t.match(await connection.ended(), /^HTTP\/1\.1 400 /, name)
  }
})
