/**
 * Internet addresses as eight groups of sixteen bits, whatever way they are written. IPv4 is held as
 * IPv6 holds it, mapped (`::ffff:192.0.2.1`), and so is what a NAT64 gateway translated
 * (`64:ff9b::192.0.2.1`): it is the same host.
 */

/** The groups of an address. */
export type Groups = Uint16Array

const ZERO = 48
const NINE = 57
const COLON = 58
const DOT = 46
const PERCENT = 37

/**
 * Reads an address into `groups`. A zone (`%eth0`) says where this host found the client, not who it
 * is, and is passed over.
 *
 * @returns whether the text was an address; if not, the groups hold nothing of use
 */
export function readAddress(text: string, groups: Groups): boolean {
  const read = text.includes(':') ? readIPv6(text, groups) : readIPv4(text, 0, text.length, groups)
  if (read && isNat64(groups)) map(groups)
  return read
}

/**
 * Some proxies forward the client's port with its address, `192.0.2.1:5004` or `[2001:db8::1]:5004`.
 * A client has as many ports as it likes, and is still one.
 */
export function withoutPort(address: string): string {
  const [, bracketed, plain] = /^(?:\[([^\]]+)\](?::\d+)?|([\d.]+):\d+)$/.exec(address) ?? []
  return bracketed ?? plain ?? address
}

/** Whether the address is IPv4, in either of its guises. */
export function isIPv4Mapped(groups: Groups): boolean {
  return (
    groups[5] === 0xffff &&
    (groups[0] as number) + (groups[1] as number) + (groups[2] as number) === 0 &&
    (groups[3] as number) + (groups[4] as number) === 0
  )
}

/** Writes a mapped IPv4 address with dots. */
export function dotted(groups: Groups): string {
  const high = groups[6] as number
  const low = groups[7] as number
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`
}

function isNat64(groups: Groups): boolean {
  return (
    groups[0] === 0x64 &&
    groups[1] === 0xff9b &&
    (groups[2] as number) + (groups[3] as number) + (groups[4] as number) === 0 &&
    groups[5] === 0
  )
}

/** Puts the mark of a mapped address before the last two groups. */
function map(groups: Groups): void {
  groups.fill(0, 0, 5)
  groups[5] = 0xffff
}

/** Reads four decimal numbers into the last two groups, and marks them as IPv4. */
function readIPv4(text: string, start: number, end: number, groups: Groups): boolean {
  const address = ipv4Number(text, start, end)
  if (address < 0) return false
  map(groups)
  groups[6] = address / 0x10000
  groups[7] = address % 0x10000
  return true
}

/** The number of an IPv4 address; -1 where the text is none. */
function ipv4Number(text: string, start: number, end: number): number {
  let address = 0
  let part = -1
  let dots = 0
  for (let index = start; index < end; index++) {
    const code = text.charCodeAt(index)
    if (code === DOT) {
      if (part < 0 || dots === 3) return -1
      address = address * 256 + part
      part = -1
      dots++
    } else {
      // A leading zero would be octal to some and decimal to others.
      if (code < ZERO || code > NINE || part === 0) return -1
      part = (part < 0 ? 0 : part * 10) + code - ZERO
      if (part > 255) return -1
    }
  }
  return dots === 3 && part >= 0 ? address * 256 + part : -1
}

function readIPv6(text: string, groups: Groups): boolean {
  let count = 0
  /** How many groups stand before the `::`. */
  let gap = -1
  let index = 0
  const { length } = text
  if (text.charCodeAt(0) === COLON) {
    if (text.charCodeAt(1) !== COLON) return false
    gap = 0
    index = 2
  }
  while (index < length && text.charCodeAt(index) !== PERCENT) {
    if (count === 8) return false
    const start = index
    let value = 0
    let code = 0
    for (; index < length; index++) {
      code = text.charCodeAt(index)
      const digit = hexDigit(code)
      if (digit < 0) break
      value = value * 16 + digit
    }
    if (index < length && code === DOT) {
      const zone = text.indexOf('%', index)
      const address = ipv4Number(text, start, zone < 0 ? length : zone)
      if (address < 0 || count > 6) return false
      groups[count++] = address / 0x10000
      groups[count++] = address % 0x10000
      break
    }
    if (index === start || index - start > 4) return false
    groups[count++] = value
    if (index === length || code === PERCENT) break
    if (code !== COLON || ++index === length) return false
    if (text.charCodeAt(index) === COLON) {
      if (gap >= 0) return false
      gap = count
      index++
    } else if (text.charCodeAt(index) === PERCENT) return false
  }
  if (gap < 0) return count === 8
  if (count === 8) return false
  groups.copyWithin(8 - (count - gap), gap, count)
  groups.fill(0, gap, 8 - (count - gap))
  return true
}

/** The value of a hexadecimal digit; -1 where it is none. */
function hexDigit(code: number): number {
  if (code <= NINE) return code >= ZERO ? code - ZERO : -1
  const letter = code | 32
  return letter >= 97 && letter <= 102 ? letter - 87 : -1
}
