/**
 * Bans of clients under all limits of a registration, limits that are made later included.
 */
import { monotonicClock } from '@holdfast/core'
import { StoreUnavailableError } from '../errors.ts'
import type { LimitBackend } from './backend.ts'
import type { Clients } from './clients.ts'
import type { LimitResolver } from './limit-resolver.ts'
import { whenKnown } from './when-known.ts'

/** Bans that are remembered for later limits. When there are more, the first of them is forgotten. */
const MAX_BANS = 2 ** 12
/** Characters of a key that is remembered. */
const MAX_KEY = 1024

/** A limit, as far as a ban needs it. */
interface BannableLimit {
  readonly clients: Clients
  readonly backend: LimitBackend
  readonly resolver: LimitResolver
}

interface RememberedBan {
  readonly key: string
  /** The moment at which it ends. */
  readonly end: number
}

/** What bans a client for so many milliseconds. Rejects where a store does not answer. */
type Ban = (key: string, duration: number) => Promise<void>

/** Bans clients under all limits. Times are milliseconds of a monotonic clock. */
export class ClientBans {
  readonly #bans: Ban[] = []
  /** The `textRule`s of the limits of each backend: routes of a group have one, and need one ban. */
  readonly #textRules = new WeakMap<LimitBackend, Set<string>>()
  /** For limits that are made later, by the key under the first limit: that has one spelling. */
  readonly #remembered = new Map<string, RememberedBan>()
  #clients: Clients | undefined

  /** Adds a limit. Who is banned by then is banned under it too. */
  addLimit({ clients, backend, resolver }: BannableLimit): void {
    this.#clients ??= clients
    const rules = this.#textRules.get(backend) ?? new Set()
    if (rules.has(clients.textRule)) return
    this.#textRules.set(backend, rules.add(clients.textRule))
    const { policies } = resolver.usual
    this.add(async (key, duration) =>
      whenKnown(clients.keysOf(key), (keys) => backend.banUnderAll({ keys, policies }, duration))
    )
  }

  /** Adds another way to ban. Who is banned by then is banned by it too. */
  add(ban: Ban): void {
    this.#bans.push(ban)
    const now = monotonicClock()
    for (const [name, { key, end }] of this.#remembered) {
      if (end <= now) this.#remembered.delete(name)
      // Where the store does not answer, it holds in this process.
      else ban(key, end - now).catch(() => {})
    }
  }

  /**
   * Bans a client for so many milliseconds from now, in place of earlier bans; 0 ends them.
   *
   * @throws StoreUnavailableError
   */
  async ban(key: string, duration: number): Promise<void> {
    this.#remember(key, duration)
    // Asked for at the same time: a store is asked once.
    const bans = await Promise.allSettled(this.#bans.map((ban) => ban(key, duration)))
    if (bans.some(({ status }) => status === 'rejected')) {
      throw new StoreUnavailableError('banClient')
    }
  }

  #remember(key: string, duration: number): void {
    const bans = this.#remembered
    const name = String(this.#clients?.keysOf(key) ?? key)
    bans.delete(name)
    if (duration === 0 || key.length > MAX_KEY) return
    if (bans.size === MAX_BANS) bans.delete(bans.keys().next().value as string)
    bans.set(name, { key, end: monotonicClock() + duration })
  }
}
