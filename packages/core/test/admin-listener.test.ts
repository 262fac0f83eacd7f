/**
 * The listener for operators (src/admin-listener.ts) and the names it answers to (src/host-name.ts),
 * over real sockets and in real workers.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { request } from 'node:http'
import { fileURLToPath } from 'node:url'
import { type AdminMount, isTrustedHost, mountAdmin } from '@holdfast/core'
import fc from 'fast-check'
import Fastify, { type FastifyInstance } from 'fastify'
import t from 'tap'
import { freePort, rawConnection } from '../../../test/support/http.ts'
import { warningsOf } from './warnings.ts'

interface Answer {
  readonly status: number
  readonly text: string
  readonly headers: NodeJS.Dict<string | string[]>
}

/** Asks with any Host field, which fetch does not let one set. */
async function ask(
  port: number,
  path = '/metrics',
  { method = 'GET', host = `127.0.0.1:${port}` } = {}
): Promise<Answer> {
  const asked = request({ port, host: '127.0.0.1', path, method, headers: { host }, agent: false })
  asked.end()
  const [response] = await once(asked, 'response')
  let text = ''
  for await (const chunk of response) text += chunk
  return { status: response.statusCode, text, headers: response.headers }
}

function saying(path: string, text: string): AdminMount {
  return { path, handle: (_request, response) => void response.end(text) }
}

function mounted(port: number, ...mounts: AdminMount[]): FastifyInstance {
  const app = Fastify()
  for (const mount of mounts) mountAdmin(app, { port }, mount, 'a.listen')
  return app
}

t.test('two mounts of one address share a listener, each with its own path', async (t) => {
  const port = await freePort()
  const app = mounted(port, saying('/metrics', 'numbers'), saying('/', 'page'))
  await app.ready()
  t.teardown(() => app.close())
  t.equal((await ask(port)).text, 'numbers')
  t.equal((await ask(port, '/metrics?x=1')).text, 'numbers', 'a query is no part of the path')
  t.equal((await ask(port, '/metrics/more')).text, 'page', 'a path is exact')
  t.equal((await ask(port, '/')).text, 'page')
  t.match(await ask(port, '/metrics', { method: 'HEAD' }), { status: 200, text: '' })
})

t.test('two apps of a process share it until the last one has closed', async (t) => {
  const port = await freePort()
  const first = mounted(port, saying('/metrics', 'numbers'))
  const second = mounted(port, saying('/', 'page'))
  await Promise.all([first.ready(), second.ready()])
  t.equal((await ask(port, '/other')).text, 'page')
  await second.close()
  t.match(await ask(port, '/other'), { status: 404, text: 'There is: /metrics' })
  t.equal((await ask(port)).text, 'numbers')
  await first.close()
  await t.rejects(ask(port), { code: 'ECONNREFUSED' })

  const third = mounted(port, saying('/metrics', 'again'))
  await third.ready()
  t.equal((await ask(port)).text, 'again', 'the address can be used again')
  await third.close()
})

t.test('any free port is one for each app', async (t) => {
  const apps = [0, 1].map(() => {
    const app = Fastify()
    const listeners = ['/metrics', '/'].map((path) =>
      mountAdmin(app, { port: 0 }, saying(path, path), 'a.listen')
    )
    return { app, listeners }
  })
  t.equal(apps[0]?.listeners[0]?.address, undefined, 'before it listens')
  await Promise.all(apps.map(({ app }) => app.ready()))
  const ports = apps.map(({ listeners }) => listeners.map(({ address }) => address?.port))
  t.equal(ports[0]?.[0], ports[0]?.[1])
  t.equal(new Set(ports.flat()).size, 2)
  await Promise.all(apps.map(({ app }) => app.close()))
  t.equal(apps[0]?.listeners[0]?.address, undefined, 'after it has closed')
})

t.test('what cannot be mounted stops the boot and leaves nothing open', async (t) => {
  const port = await freePort()
  const app = mounted(port, saying('/metrics', 'numbers'))
  await app.ready()
  const same = mounted(port, saying('/metrics', 'others'))
  await t.rejects(async () => await same.ready(), {
    code: 'HOLDFAST_ERR_ADMIN_PATH_TAKEN',
    message: `a.listen: the path /metrics of the admin listener at port ${port} is taken`
  })
  await same.close()
  t.equal((await ask(port)).text, 'numbers', 'the first one is still there')
  await app.close()

  const stranger = Fastify()
  await stranger.listen({ port })
  const refused = mounted(port, saying('/metrics', 'numbers'), saying('/', 'page'))
  await t.rejects(async () => await refused.ready(), {
    code: 'HOLDFAST_ERR_ADMIN_PORT_TAKEN',
    message: /^a\.listen: cannot listen on 127\.0\.0\.1:\d+ \(.*EADDRINUSE.*OpenTelemetry/
  })
  await refused.close()
  await stranger.close()
  const later = mounted(port, saying('/metrics', 'numbers'))
  await later.ready()
  t.equal((await ask(port)).text, 'numbers', 'the port is free again')
  await later.close()
})

t.test('it is read-only and answers to the names it is given', async (t) => {
  const port = await freePort()
  const app = Fastify()
  mountAdmin(app, { port, hosts: ['Admin.example'] }, saying('/metrics', 'numbers'), 'a.listen')
  await app.ready()
  t.teardown(() => app.close())
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
    const { status, headers } = await ask(port, '/metrics', { method })
    t.same([status, headers['allow']], [405, 'GET, HEAD'], method)
  }
  t.equal((await ask(port, '/metrics', { host: 'admin.example' })).status, 200)
  const { status, headers } = await ask(port, '/metrics', { host: 'evil.example' })
  t.equal(status, 421)
  t.match(headers, { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' })
})

t.test('a mount that throws ends its own answer only', async (t) => {
  const warnings = warningsOf(t)
  const port = await freePort()
  const app = mounted(
    port,
    {
      path: '/early',
      handle: () => {
        throw new Error('early')
      }
    },
    {
      path: '/late',
      handle: (_request, response) => {
        response.write('half')
        throw new Error('late')
      }
    },
    saying('/metrics', 'numbers')
  )
  await app.ready()
  t.teardown(() => app.close())
  t.equal((await ask(port, '/early')).status, 500)
  await t.rejects(ask(port, '/late'))
  t.equal((await ask(port)).text, 'numbers')
  t.match(warnings, [/\/early/, /\/late/])
})

t.test('a connection that is open, idle or silent holds up no close', async (t) => {
  const port = await freePort()
  const app = mounted(port, {
    path: '/metrics',
    handle: (_request, response) => void response.write('a stream that goes on')
  })
  await app.ready()
  const silent = await rawConnection(port)
  const stream = await rawConnection(port)
  stream.write('GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n')
  await stream.until(/goes on/)
  await app.close()
  t.match(await stream.ended(), '200 OK')
  t.equal(await silent.ended(), '')
})

t.test(
  'it keeps no process alive, and each worker of a cluster has a port of its own',
  async (t) => {
    const program = fileURLToPath(new URL('admin-workers.js', import.meta.url))
    const port = await freePort()
    const child = spawn(process.execPath, [program, String(port)], {
      stdio: ['ignore', 'pipe', 'inherit']
    })
    let text = ''
    child.stdout.on('data', (chunk) => {
      text += chunk
    })
    const [code] = await once(child, 'close')
    t.equal(code, 0)
    t.equal(text, `${port + 1} ${port + 2}\n`)
  }
)

t.test('a name is trusted that nobody else can let point here', async (t) => {
  const names = new Set(['admin.example'])
  for (const host of [
    'localhost',
    'LOCALHOST:9464',
    'a.localhost',
    'localhost.',
    '127.0.0.1',
    '10.1.2.3:80',
    '[::1]',
    '[::1]:9464',
    'admin.example',
    'Admin.Example:1'
  ]) {
    t.ok(isTrustedHost(host, names), host)
  }
  for (const host of [
    undefined,
    '',
    ':80',
    'evil.example',
    'localhost.evil.example',
    'notlocalhost',
    '127.0.0.1.evil.example',
    'a b',
    '[',
    '[::1',
    'user@localhost',
    'localhost:80:80'
  ]) {
    t.notOk(isTrustedHost(host, names), String(host))
  }
  fc.assert(
    fc.property(fc.domain(), fc.nat(65_535), (name, port) => {
      return !isTrustedHost(`${name}:${port}`, names)
    })
  )
})
