/**
 * Addresses and CIDR ranges to look callers up in.
 */
import { BlockList, isIP } from 'node:net'

/** Whether a text is an address or a range: `10.0.0.1`, `10.0.0.0/8`, `fd00::/8`. */
export function isAddressRange(text: string): boolean {
  const [address = '', prefix, ...rest] = text.split('/')
  const family = isIP(address)
  if (family === 0 || address.includes('%') || rest.length > 0) return false
  if (prefix === undefined) return true
  return /^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128)
}

/** A list of ranges that {@link isAddressRange} takes. */
export class AddressList {
  readonly #ranges = new BlockList()

  constructor(ranges: readonly string[]) {
    for (const range of ranges) {
      const [address = '', prefix] = range.split('/')
      const family = isIP(address) === 4 ? 'ipv4' : 'ipv6'
      if (prefix === undefined) this.#ranges.addAddress(address, family)
      else this.#ranges.addSubnet(address, Number(prefix), family)
    }
  }

  /** Whether an address is in the list. A Unix socket has none, and is not. */
  has(address: string | undefined): boolean {
    if (address === undefined) return false
    const withoutZone = address.replace(/%.*/, '')
    const family = isIP(withoutZone)
    // An IPv4 address that comes as IPv6, ::ffff:10.0.0.1, is found among the IPv4 ranges.
    return family !== 0 && this.#ranges.check(withoutZone, family === 4 ? 'ipv4' : 'ipv6')
  }
}
