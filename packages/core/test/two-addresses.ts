import dns from 'node:dns'
import type { Test } from 'tap'

/**
 * Gives `localhost` a second address until the test ends. Many machines give it two, some do not;
 * the sockets stay real.
 */
export function twoAddresses(t: Test): void {
  const original = dns.lookup
  t.teardown(() => {
    dns.lookup = original
  })
  const lookup = (host: string, ...rest: unknown[]): void => {
    const callback = rest.pop() as (error: null, ...answer: unknown[]) => void
    const all = (rest[0] as { all?: boolean } | undefined)?.all === true
    const first = host === 'localhost' ? '127.0.0.1' : host
    const addresses = [first, '127.0.0.2'].map((address) => ({ address, family: 4 }))
    process.nextTick(() => (all ? callback(null, addresses) : callback(null, first, 4)))
  }
  dns.lookup = Object.assign(lookup, { __promisify__: original.__promisify__ })
}
