/**
 * Who may talk to the page, by the names in their requests. A page of another site could give its own
 * name the address of this machine (DNS rebinding), and then read what it likes: such a name is refused.
 */
import { isTrustedHost } from '@holdfast/core'

/** The names under which the page may be asked for. */
export class HostList {
  readonly #names: ReadonlySet<string>
  readonly #origins: ReadonlySet<string>

  /**
   * @param names host names besides the loopback ones, without a port
   * @param origins origins besides the loopback ones whose pages may read the stream
   */
  constructor(names: readonly string[], origins: readonly string[]) {
    this.#names = new Set(names.map((name) => name.toLowerCase()))
    this.#origins = new Set(origins)
  }

  /**
   * Whether a request may name this host, a `Host` field with or without a port: an address, which nobody can
   * give another meaning, `localhost`, or a listed name.
   */
  allows(host: string | undefined): boolean {
    return isTrustedHost(host, this.#names)
  }

  /**
   * Whether a page of this origin may read the stream of a process that was asked for as `host`: its
   * own page, a page of this machine, or a listed one.
   */
  admits(origin: string, host: string | undefined): boolean {
    if (this.#origins.has(origin)) return true
    if (!URL.canParse(origin)) return false
    const { host: own, hostname } = new URL(origin)
    return own === host || isLoopback(hostname)
  }
}

function isLoopback(name: string): boolean {
  return (
    name === 'localhost' ||
    name.endsWith('.localhost') ||
    name === '[::1]' ||
    /^127(?:\.\d{1,3}){3}$/.test(name)
  )
}
