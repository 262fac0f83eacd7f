/**
 * A service that is called: it answers at once.
 *
 * Usage: startChild([answering-service.js])
 */
import { createServer } from 'node:http'

// Before anything that may hang.
process.on('disconnect', () => process.exit(0))

const server = createServer((_request, response) => response.end('{"hello":"world"}'))
server.keepAliveTimeout = 0
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  process.send?.({ port: typeof address === 'object' && address !== null ? address.port : 0 })
})
