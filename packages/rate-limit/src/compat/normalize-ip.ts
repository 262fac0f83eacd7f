/**
 * Addresses as keys of clients: one spelling each, and for IPv6 the network.
 */
import { dotted, type Groups, isIPv4Mapped, readAddress, withoutPort } from '@holdfast/core'

/** One at a time is enough: nothing here waits. */
const groups: Groups = new Uint16Array(8)

/**
 * The one spelling of an address: IPv4 with dots, also where it was written as IPv6 (mapped, or
 * translated by NAT64); of IPv6 the network of `ipv6Subnet` bits, by the rules of RFC 5952. Other
 * text comes back in lower case. A port behind the address does not count.
 *
 * @param ipv6Subnet from 0 to 128
 */
export function normalizeIP(ip: string, ipv6Subnet = 64): string {
  if (!ip.includes(':')) return ip.toLowerCase()
  if (!readAddress(ip, groups)) {
    const bare = withoutPort(ip)
    return bare === ip ? ip.toLowerCase() : normalizeIP(bare, ipv6Subnet)
  }
  if (isIPv4Mapped(groups)) return dotted(groups)
  for (let index = 0; index < 8; index++) {
    const kept = Math.min(16, Math.max(0, ipv6Subnet - 16 * index))
    groups[index] = (groups[index] as number) & (0xffff << (16 - kept))
  }
  return shortened()
}

/** The longest run of two or more zeros becomes `::`, the first of several. */
function shortened(): string {
  let longest = 1
  let gap = -1
  let zeros = 0
  for (let index = 0; index < 8; index++) {
    zeros = groups[index] === 0 ? zeros + 1 : 0
    if (zeros > longest) {
      longest = zeros
      gap = index + 1 - zeros
    }
  }
  if (gap < 0) return written(0, 8)
  return `${written(0, gap)}::${written(gap + longest, 8)}`
}

function written(from: number, to: number): string {
  let text = ''
  for (let index = from; index < to; index++) {
    text += `${index === from ? '' : ':'}${(groups[index] as number).toString(16)}`
  }
  return text
}
