/**
 * Real servers for calls to go to.
 */
import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'

/** Starts a server on a port of its own until the test is over, and returns its origin. */
export async function serve(t: Test, listener: RequestListener): Promise<string> {
  return listenUntilOver(t, createServer(listener))
}

/** Starts a server until the test is over, and returns its origin. */
export async function listenUntilOver(t: Test, server: Server): Promise<string> {
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return listen(server)
}

/** Starts a server, and returns its origin. */
export async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
