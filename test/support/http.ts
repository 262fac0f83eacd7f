/**
 * Real sockets for tests: raw HTTP/1 text out, raw bytes back.
 */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'

/** Listens on a free port of the loopback address and returns the port. */
export async function listen(app: FastifyInstance, host = '127.0.0.1'): Promise<number> {
  await app.listen({ host, port: 0 })
  const address = app.server.address()
  if (address === null || typeof address === 'string') throw new Error('not listening on a port')
  return address.port
}

/** A port that is free now, for programs that do not take 0 for one, as fastify-cli does not. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** A connection whose every received byte is kept as text. */
export interface RawConnection {
  readonly socket: Socket
  /** Everything received so far. */
  received(): string
  write(text: string): void
  /** Resolves once `pattern` occurs in what was received; rejects when the connection ends first. */
  until(pattern: RegExp): Promise<string>
  /** Resolves with everything received when the connection has ended. */
  ended(): Promise<string>
  /** Leaves without a word, as a client that crashed. */
  destroy(): void
}

/** Opens a raw connection to a port of the loopback address, or to a Unix socket. */
export async function rawConnection(
  target: number | string,
  host = '127.0.0.1'
): Promise<RawConnection> {
  const socket = typeof target === 'number' ? connect(target, host) : connect(target)
  let text = ''
  const watchers = new Set<() => void>()
  const tellAll = (): void => {
    for (const watcher of watchers) watcher()
  }
  socket.setEncoding('latin1')
  socket.on('data', (chunk) => {
    text += chunk
    tellAll()
  })
  socket.on('error', () => {})
  socket.on('close', tellAll)
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', reject)
  })
  const when = (done: () => boolean, failed: () => boolean): Promise<string> =>
    new Promise((resolve, reject) => {
      const watcher = (): void => {
        if (done()) resolve(text)
        else if (failed()) reject(new Error(`the connection ended after ${JSON.stringify(text)}`))
        else return
        watchers.delete(watcher)
      }
      watchers.add(watcher)
      watcher()
    })
  return {
    socket,
    received: () => text,
    write: (data) => {
      socket.write(data)
    },
    until: (pattern) =>
      when(
        () => pattern.test(text),
        () => socket.closed
      ),
    ended: () =>
      when(
        () => socket.closed,
        () => false
      ),
    destroy: () => {
      socket.destroy()
    }
  }
}

/** The head of an HTTP/1.1 request, ready to write. */
export function head(line: string, headers: Record<string, string> = {}): string {
  const lines = Object.entries({ Host: 'localhost', ...headers }).map(
    ([name, value]) => `${name}: ${value}\r\n`
  )
  return `${line} HTTP/1.1\r\n${lines.join('')}\r\n`
}

/** Waits until `condition` holds, looking once a turn; fails after `seconds`. */
export async function eventually(condition: () => boolean, seconds = 10): Promise<void> {
  const end = performance.now() + seconds * 1000
  while (!condition()) {
    if (performance.now() > end) throw new Error(`not so after ${seconds} s: ${condition}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
