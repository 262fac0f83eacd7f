/**
 * The slot of a Redis Cluster that a key belongs to: CRC-16/XMODEM of its hash tag, modulo 16384, as
 * the specification of the Cluster has it.
 */
const SLOTS = 16384

const TABLE = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1
  return crc
})

/** @param tag ASCII: what stands between the braces of a key */
export function slotOf(tag: string): number {
  let crc = 0
  for (let index = 0; index < tag.length; index++) {
    const byte = ((crc >> 8) ^ tag.charCodeAt(index)) & 0xff
    crc = ((crc << 8) ^ (TABLE[byte] as number)) & 0xffff
  }
  return crc % SLOTS
}
