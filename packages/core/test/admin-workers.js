/**
 * Two workers of node:cluster, each with an app that only has an admin listener: prints their ports.
 * Ends by itself, since nothing keeps a worker alive but its channel.
 */
import cluster from 'node:cluster'
import { mountAdmin } from '@holdfast/core'
import Fastify from 'fastify'

/** @type {import('@holdfast/core').AdminMount} */
const mount = { path: '/metrics', handle: (_request, response) => void response.end() }

if (cluster.isPrimary) {
  /** @type {number[]} */
  const ports = []
  for (let each = 0; each < 2; each++) {
    cluster.fork().on('message', (port) => {
      ports.push(port)
      if (ports.length === 2) console.log(ports.sort().join(' '))
    })
  }
} else {
  const app = Fastify()
  const admin = mountAdmin(app, { port: Number(process.argv[2]) }, mount, 'a.listen')
  await app.ready()
  process.send?.(admin.address?.port, () => process.disconnect())
}
