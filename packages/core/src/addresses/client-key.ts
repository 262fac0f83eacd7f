/**
 * From an address to the key a client is counted under.
 */
import { dotted, type Groups, isIPv4Mapped, readAddress, withoutPort } from './address.ts'

/** The key of every client without an address: they came through a Unix socket. */
const LOCAL_KEY = 'local'

/** One at a time is enough: nothing here waits. */
const groups: Groups = new Uint16Array(8)

/**
 * The key of a client's address: an IPv4 address as it is, also one written as IPv6 (mapped,
 * `::ffff:192.0.2.1`, or translated by NAT64, `64:ff9b::192.0.2.1`); of any other IPv6 address the
 * network of that many bits, since one subscriber commonly owns all addresses in it. What is no
 * address is its own key. A port behind the address does not count.
 */
export function clientKey(address: string | undefined, ipv6Subnet = 64): string {
  if (!address) return LOCAL_KEY
  // By far the most common, and already what it should be.
  if (!address.includes(':')) return address
  if (!readAddress(address, groups)) {
    const bare = withoutPort(address)
    return bare === address ? address : clientKey(bare, ipv6Subnet)
  }
  return isIPv4Mapped(groups) ? dotted(groups) : network(ipv6Subnet)
}

/** The first bits of the address, written out, and how many they are. */
function network(bits: number): string {
  const whole = bits >> 4
  const rest = bits & 15
  let text = ''
  for (let index = 0; index < whole; index++) text += `${hex(groups[index] as number)}:`
  if (rest > 0) text += `${hex((groups[whole] as number) & (0xffff << (16 - rest)))}:`
  return bits === 128 ? text.slice(0, -1) : `${text}:/${bits}`
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16))
const TWO_DIGITS = HEX.map((text) => text.padStart(2, '0'))

function hex(group: number): string {
  if (group < 256) return HEX[group] as string
  return (HEX[group >> 8] as string) + TWO_DIGITS[group & 255]
}
