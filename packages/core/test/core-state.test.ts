/**
 * What core knows of an app: each request is counted in once, and out once.
 */
import { eventLoopDelay, intake, statesOf } from '@holdfast/core'
import Fastify from 'fastify'
import t from 'tap'
import { fetch } from 'undici'
import { eventually, head, listen, rawConnection } from '../../../test/support/http.ts'

t.test(
  'requests are counted by how they ended, tunnels and malformed ones beside them',
  async (t) => {
    const app = Fastify({ forceCloseConnections: true })
    t.teardown(() => app.close())
    intake(app)
    intake(app)
    app.get('/', async () => 'ok')
    app.get('/never', () => new Promise(() => {}))
    app.get('/cut', async (_request, reply) => {
      reply.raw.destroy()
      return reply
    })
    const port = await listen(app)
    const requests = () => statesOf(app, '@holdfast/core')[0]?.state.requests
    t.strictSame(requests(), {
      takenIn: 0,
      finished: 0,
      aborted: 0,
      cut: 0,
      tunnels: 0,
      malformed: {}
    })

    for (let count = 0; count < 3; count++) {
      await (await fetch(`http://127.0.0.1:${port}/`)).text()
    }
    const leaving = await rawConnection(port)
    leaving.write(head('GET /never'))
    await eventually(() => requests()?.takenIn === 4)
    leaving.destroy()
    const cut = await rawConnection(port)
    cut.write(head('GET /cut'))
    await cut.ended()
    const tunnel = await rawConnection(port)
    tunnel.write(head('CONNECT example.org:443'))
    await tunnel.ended()
    for (const garbage of [
      'nonsense\r\n\r\n',
      'nonsense\r\n\r\n',
      head('GET /', { a: 'b'.repeat(20_000) })
    ]) {
      const connection = await rawConnection(port)
      connection.write(garbage)
      await connection.ended()
    }
    await app.inject('/')
    const expected = {
      takenIn: 6,
      finished: 4,
      aborted: 1,
      cut: 1,
      tunnels: 1,
      malformed: { HPE_INVALID_METHOD: 2, HPE_HEADER_OVERFLOW: 1 }
    }
    await eventually(() => JSON.stringify(requests()) === JSON.stringify(expected))
    t.strictSame(requests(), expected)
    await app.close()
    t.strictSame(statesOf(app), {})
  }
)

t.test('the delay of the event loop is told while somebody measures it', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  intake(app)
  const delay = () => statesOf(app, '@holdfast/core')[0]?.state.eventLoopDelay
  t.equal(delay(), undefined)
  const measured = eventLoopDelay()
  t.strictSame(delay(), { current: 0, max: 0 })
  measured.release()
  t.equal(delay(), undefined)
})
