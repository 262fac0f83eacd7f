/**
 * A port for a program that cannot say which one it was given.
 */
import { once } from 'node:events'
import { createServer } from 'node:net'

/** Returns a port of this machine that nobody listens on at this moment. */
export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  server.close()
  await once(server, 'close')
  return port
}
