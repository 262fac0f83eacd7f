/**
 * Checks that return a Response: over real connections.
 */
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { lifecycle } from '@holdfast/lifecycle'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { eventually } from '../../../test/support/http.ts'

async function dependency(t: Test, answer: (response: ServerResponse) => void) {
  const sockets = new Set<Socket>()
  const server = createServer((_request, response) => answer(response))
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, sockets }
}

function serviceWith(t: Test, check: () => unknown, timeout = 5000) {
  const app = Fastify()
  app.register(lifecycle, {
    drainDelay: 0,
    signals: false,
    health: { checks: { upstream: { check, timeout, cacheFor: 0 } } }
  })
  t.teardown(() => app.close())
  return app
}

t.test('60 probes of a check that returns a Response leave no connections open', async (t) => {
  const { url, sockets } = await dependency(t, (response) => response.end('x'.repeat(20_000)))
  const app = serviceWith(t, () => fetch(url))
  await app.ready()
  for (let probe = 0; probe < 60; probe++) {
    t.equal((await app.lifecycle.health()).status, 'ok')
  }
  t.ok(sockets.size <= 2, `${sockets.size} connections`)
})

t.test('a long body is cancelled, one that never ends is a failure', async (t) => {
  const long = await dependency(t, (response) => response.end('x'.repeat(20_000_000)))
  const passing = serviceWith(t, () => fetch(long.url))
  await passing.ready()
  t.equal((await passing.lifecycle.health()).status, 'ok')
  await eventually(() => long.sockets.size === 0)

  const hanging = await dependency(t, (response) => response.write('begun'))
  const failing = serviceWith(t, () => fetch(hanging.url), 200)
  await failing.ready()
  t.equal((await failing.lifecycle.health()).status, 'failed')
  await eventually(() => hanging.sockets.size === 0)
})

t.test('a Response that was read, or has no body, is left alone', async (t) => {
  const { url } = await dependency(t, (response) => response.end('{ "ok": false }'))
  const read = serviceWith(t, async () => {
    const response = await fetch(url)
    await response.json()
    return response
  })
  await read.ready()
  t.equal((await read.lifecycle.health()).status, 'ok')
  const empty = serviceWith(t, () => new Response(null, { status: 503 }))
  await empty.ready()
  t.equal((await empty.lifecycle.health()).status, 'failed')
})

t.test('a pause of the event loop is no unhealthy dependency', async (t) => {
  const { url } = await dependency(t, (response) => setTimeout(() => response.end('fine'), 20))
  const app = serviceWith(t, () => fetch(url), 200)
  await app.ready()
  const health = app.lifecycle.health()
  await new Promise((resolve) => setTimeout(resolve, 1))
  const end = performance.now() + 400
  while (performance.now() < end);
  t.equal((await health).status, 'ok')
})
