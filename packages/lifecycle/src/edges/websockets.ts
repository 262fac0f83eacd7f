/**
 * The WebSocket servers of an app, as `@fastify/websocket` keeps them: taken by their shape.
 */
import { guardedCall } from '@holdfast/core'
import type { FastifyInstance } from 'fastify'

/** RFC 6455, 7.4.1: the endpoint is going away. */
const GOING_AWAY = 1001

interface WebSocketServer {
  readonly clients: Iterable<{
    close(code: number, reason: string): void
    once(event: 'close', listener: () => void): void
  }>
}

/** Finds the WebSocket servers of an app and its scopes, and closes their clients' connections. */
export class WebSockets {
  readonly #scopes: FastifyInstance[]
  readonly #told = new WeakSet<object>()
  readonly #closing: Promise<void>[] = []

  constructor(app: FastifyInstance) {
    this.#scopes = [app]
    app.addHook('onRegister', (scope) => {
      this.#scopes.push(scope)
    })
  }

  /** Whether there is a server for WebSockets. */
  get any(): boolean {
    return this.#scopes.some((scope) => serverOf(scope) !== undefined)
  }

  /** Tells every client that was not told before, with a close frame, that the service goes away. */
  closeAll(): void {
    for (const server of new Set(this.#scopes.map(serverOf))) {
      for (const client of server?.clients ?? []) {
        if (this.#told.has(client)) continue
        this.#told.add(client)
        this.#closing.push(new Promise((resolve) => client.once('close', resolve)))
        guardedCall(
          () => client.close(GOING_AWAY, 'the service is shutting down'),
          'close() of a WebSocket client'
        )
      }
    }
  }

  /** Resolves when those who were told have closed. */
  async whenClosed(): Promise<void> {
    await Promise.all(this.#closing)
  }
}

function serverOf(scope: FastifyInstance): WebSocketServer | undefined {
  if (!scope.hasDecorator('websocketServer')) return undefined
  const server = scope.getDecorator<Partial<WebSocketServer>>('websocketServer')
  return isServer(server) ? server : undefined
}

function isServer(server: Partial<WebSocketServer>): server is WebSocketServer {
  return typeof server.clients?.[Symbol.iterator] === 'function'
}
