/**
 * When a client is ready again. One listener for all who wait: a client may serve many registrations,
 * and warns of more than ten listeners.
 */
import type { RedisClient } from './clients.ts'

const signals = new WeakMap<object, ReadySignal>()

/** Tells when a client is ready. */
export class ReadySignal {
  readonly #client: RedisClient
  readonly #listeners = new Set<() => void>()

  /** The signal of a client: always the same. */
  static of(client: RedisClient): ReadySignal {
    const signal = signals.get(client) ?? new ReadySignal(client)
    signals.set(client, signal)
    return signal
  }

  private constructor(client: RedisClient) {
    this.#client = client
  }

  /** Calls the listener whenever the client becomes ready, until the returned function is called. */
  listen(listener: () => void): () => void {
    // A function of its own: nobody ends what somebody else began.
    const own = (): void => listener()
    if (this.#listeners.size === 0) this.#client.on?.('ready', this.#tell)
    this.#listeners.add(own)
    return () => {
      if (this.#listeners.delete(own) && this.#listeners.size === 0) {
        this.#client.off?.('ready', this.#tell)
      }
    }
  }

  readonly #tell = (): void => {
    for (const listener of [...this.#listeners]) listener()
  }
}
