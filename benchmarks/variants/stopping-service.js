/**
 * A service that is stopped with SIGTERM, in the ways people stop one.
 *
 * Usage: node stopping-service.js <way> [port]
 */

import { lifecycle } from '@holdfast/lifecycle'
import closeWithGrace from 'close-with-grace'
import Fastify from 'fastify'
import { wayToStop } from './names.js'

const [, , way = '', port = '0'] = process.argv

const app = Fastify()

/** @type {Record<string, () => void | Promise<void>>} */
const ways = {
  [wayToStop.none]: () => {},
  [wayToStop.close]: () => {
    process.once('SIGTERM', () => app.close())
  },
  [wayToStop.closeAndExit]: () => {
    process.once('SIGTERM', () => app.close().then(() => process.exit(0)))
  },
  [wayToStop.closeWithGrace]: () => {
    closeWithGrace({ delay: 10_000 }, async () => {
      await app.close()
    })
  },
  [wayToStop.lifecycle]: async () => {
    await app.register(lifecycle, { drainDelay: '1500ms' })
  },
  [wayToStop.lifecycleWithoutDelay]: async () => {
    await app.register(lifecycle, { drainDelay: 0 })
  }
}

await ways[way]?.()
// What a balancer asks; lifecycle answers it itself.
if (!app.hasDecorator('lifecycle')) app.get('/readyz', async () => 'ready')
app.get('/', async () => 'ok')
app.get('/slow', () => new Promise((resolve) => setTimeout(resolve, 500, 'slow')))
app.get('/stuck', () => new Promise((resolve) => setTimeout(resolve, 20_000, 'stuck')))
await app.listen({ port: Number(port), host: '127.0.0.1' })
const address = app.server.address()
process.send?.({ port: typeof address === 'object' && address !== null ? address.port : 0 })
process.channel?.unref()
