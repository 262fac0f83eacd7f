/**
 * A list of addresses and networks (CIDR), and whether an address is on it.
 */
import { type Groups, isIPv4Mapped, readAddress } from './address.ts'
import { withoutPort } from './client-key.ts'

/** A network: the address it begins with, and how many of its bits all its addresses share. */
interface Network {
  readonly groups: Groups
  readonly bits: number
}

/** Addresses and networks, in any spelling. IPv4 inside IPv6 is IPv4. */
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

  /** Whether an address is on the list. What is no address is not. */
  has(address: string | undefined): boolean {
    if (this.isEmpty || !address) return false
    const asked = this.#asked
    if (!readAddress(address, asked) && !readAddress(withoutPort(address), asked)) return false
    return this.#networks.some(({ groups, bits }) => shares(groups, asked, bits))
  }
}

/** Whether a text is an address, or a network such as `10.0.0.0/8` or `2001:db8::/32`. */
export function isNetwork(text: string): boolean {
  return networkOf(text) !== undefined
}

function networkOf(text: string): Network | undefined {
  const [address = '', length, ...more] = text.split('/')
  const groups = new Uint16Array(8)
  if (more.length > 0 || !readAddress(address, groups)) return undefined
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
