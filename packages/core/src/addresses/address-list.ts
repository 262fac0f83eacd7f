/**
 * A list of addresses and networks (CIDR), and whether an address is on it.
 */
import { type Groups, isIPv4Mapped, readAddress, withoutPort } from './address.ts'

/** A network: the address it begins with, and how many of its bits all its addresses share. */
interface Network {
  readonly groups: Groups
  readonly bits: number
}

/**
 * Addresses and networks, in any spelling. IPv4 inside IPv6, mapped (`::ffff:10.0.0.1`) or translated
 * by NAT64 (`64:ff9b::10.0.0.1`), is IPv4: `64:ff9b::/96` is all of it.
 */
export class AddressList {
  readonly #networks: readonly Network[]
  readonly #asked: Groups = new Uint16Array(8)

  /** @throws RangeError for what {@link isNetwork} denies */
  constructor(entries: readonly string[]) {
    this.#networks = entries.map((entry) => {
      const network = networkOf(entry)
      if (network === undefined) throw new RangeError(`${entry} is no address and no network`)
      return network
    })
  }

  /** Whether nothing is on the list. */
  get isEmpty(): boolean {
    return this.#networks.length === 0
  }

  /**
   * Whether an address is on the list. Its zone (`%eth0`) and a port behind it do not count. What is no
   * address is not on it, and neither is a client without one, who came through a Unix socket.
   */
  has(address: string | undefined): boolean {
    if (this.isEmpty || !address) return false
    const asked = this.#asked
    if (!readAddress(address, asked) && !readAddress(withoutPort(address), asked)) return false
    return this.#networks.some(({ groups, bits }) => shares(groups, asked, bits))
  }
}

/**
 * Whether a text is an address, or a network such as `10.0.0.0/8` or `2001:db8::/32`. Not one with a
 * zone (`fe80::1%eth0`): the list could not keep to it. Not one that holds mapped IPv4 addresses and
 * others (`::ffff:10.0.0.0/90`).
 */
export function isNetwork(text: string): boolean {
  return networkOf(text) !== undefined
}

function networkOf(text: string): Network | undefined {
  const [address = '', length, ...more] = text.split('/')
  const groups = new Uint16Array(8)
  if (more.length > 0 || address.includes('%') || !readAddress(address, groups)) return undefined
  if (length === undefined) return { groups, bits: 128 }
  if (!/^\d{1,3}$/.test(length)) return undefined
  // An IPv4 address is the last 32 bits of what it is held as.
  const dots = !address.includes(':')
  const bits = Number(length) + (dots ? 96 : 0)
  // The bits of a NAT64 or a mapped network are counted from where it was written.
  if (bits > 128 || (!dots && isIPv4Mapped(groups) && bits < 96)) return undefined
  return { groups, bits }
}

function shares(one: Groups, other: Groups, bits: number): boolean {
  for (let index = 0; index < 8; index++) {
    const open = 16 * (index + 1) - bits
    if (open >= 16) return true
    const mask = open <= 0 ? 0xffff : 0xffff << open
    if ((((one[index] as number) ^ (other[index] as number)) & mask & 0xffff) !== 0) return false
  }
  return true
}
