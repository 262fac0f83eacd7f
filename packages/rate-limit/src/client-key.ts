/**
 * From an address to the key a client is counted under.
 */
import { isIPv6 } from 'node:net'

/** The key of every client without an address: they came through a Unix socket. */
const LOCAL_KEY = 'local'

/**
 * The key of a client's address: an IPv4 address as it is, also one written as IPv6 (mapped,
 * `::ffff:192.0.2.1`, or translated by NAT64, `64:ff9b::192.0.2.1`); of any other IPv6 address the
 * /64 network, since one subscriber commonly owns all addresses in it. What is no address is its
 * own key. A port behind the address does not count.
 */
export function clientKey(address: string | undefined): string {
  if (!address) return LOCAL_KEY
  const bare = withoutPort(address)
  const groups = groupsOf(bare)
  if (groups === undefined) return bare
  return embeddedIPv4(groups) ?? `${hex(groups.slice(0, 4))}::/64`
}

/** One spelling for each address, to compare it by. IPv4 inside IPv6 is IPv4. */
export function canonicalAddress(address: string): string {
  const bare = withoutPort(address)
  const groups = groupsOf(bare)
  if (groups === undefined) return bare
  return embeddedIPv4(groups) ?? hex(groups)
}

/**
 * Some proxies forward the client's port with its address, `192.0.2.1:5004` or `[2001:db8::1]:5004`.
 * A client has as many ports as it likes, and is still one.
 */
function withoutPort(address: string): string {
  const [, bracketed, plain] = /^(?:\[([^\]]+)\](?::\d+)?|([\d.]+):\d+)$/.exec(address) ?? []
  return bracketed ?? plain ?? address
}

/** The eight groups of an IPv6 address; `undefined` for everything else. */
function groupsOf(address: string): number[] | undefined {
  if (!address.includes(':') || !isIPv6(address)) return undefined
  // The zone (`%eth0`) says where this host found the client, not who it is.
  const [bare = ''] = address.split('%', 1)
  const [head = '', tail] = bare.split('::')
  const left = numbersOf(head)
  if (tail === undefined) return left
  const right = numbersOf(tail)
  return [...left, ...new Array<number>(8 - left.length - right.length).fill(0), ...right]
}

function numbersOf(text: string): number[] {
  if (text === '') return []
  return text.split(':').flatMap((group) => {
    if (!group.includes('.')) return Number.parseInt(group, 16)
    const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number)
    return [a * 256 + b, c * 256 + d]
  })
}

const MAPPED = '0:0:0:0:0:ffff'
const NAT64 = '64:ff9b:0:0:0:0'

function embeddedIPv4(groups: number[]): string | undefined {
  const network = hex(groups.slice(0, 6))
  if (network !== MAPPED && network !== NAT64) return undefined
  return groups
    .slice(6)
    .flatMap((group) => [group >> 8, group & 255])
    .join('.')
}

function hex(groups: number[]): string {
  return groups.map((group) => group.toString(16)).join(':')
}
