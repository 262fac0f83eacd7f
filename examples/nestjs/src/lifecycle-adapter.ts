import type { NestFastifyApplication } from '@nestjs/platform-fastify'
import { FastifyAdapter } from '@nestjs/platform-fastify'
import type { FastifyInstance } from 'fastify'

/**
 * Fastify's adapter for a service that lifecycle stops. Nest's shutdown hooks are a step of that
 * shutdown: they run after the last answer and before Fastify closes, whatever the cause.
 */
export class LifecycleAdapter extends FastifyAdapter {
  #closed = false

  /** Makes Nest's `close()` a step of the shutdown. */
  addStep(app: NestFastifyApplication): void {
    this.#lifecycle.onShutdown('nest', async () => {
      // Where Nest closes Fastify, its hooks run already, and wait for this step.
      if (!this.#closed) await app.close()
    })
  }

  /** Called by Nest's `close()`, after its first hooks. */
  override async close(): Promise<void> {
    this.#closed = true
    // Fastify closes after the steps, and this is one of them.
    if (this.#lifecycle.state !== 'stopping') await super.close()
  }

  get #lifecycle() {
    return this.getInstance<FastifyInstance>().lifecycle
  }
}
