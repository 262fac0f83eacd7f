import { normalizeIP } from '@holdfast/rate-limit/compat'
import fc from 'fast-check'
import t from 'tap'

/** What a URL makes of an address. */
function canonical(address: string): string {
  return new URL(`http://[${address}]`).hostname.slice(1, -1)
}

const ipv4 = fc.ipV4()

t.test('IPv6 has one spelling, that of RFC 5952', async () => {
  const groups = fc.array(fc.constantFrom('0', '0', '0', '1', '00ab', 'FFFE', 'c000'), {
    minLength: 8,
    maxLength: 8
  })
  const address = fc.oneof(
    fc.ipV6().filter((text) => !text.includes('.')),
    groups.map((groups) => groups.join(':'))
  )
  fc.assert(
    fc.property(address, (address) => {
      const normal = normalizeIP(address, 128)
      return normal.includes('.') || normal === canonical(address)
    }),
    { numRuns: 2000 }
  )
})

t.test('addresses of one network are one key, and of others another', async () => {
  const group = fc.integer({ min: 0, max: 0xffff })
  const eight = fc.array(group, { minLength: 8, maxLength: 8 })
  const bits = (groups: number[]) => groups.map((g) => g.toString(2).padStart(16, '0')).join('')
  const written = (groups: number[]) => groups.map((g) => g.toString(16)).join(':')
  fc.assert(
    fc.property(eight, eight, fc.integer({ min: 0, max: 128 }), (one, other, subnet) => {
      // Not in the ranges that stand for IPv4.
      one[0] = other[0] = 0x2001
      for (let index = 0; index < subnet >> 5; index++) other[index] = one[index] as number
      const same = bits(one).slice(0, subnet) === bits(other).slice(0, subnet)
      return (normalizeIP(written(one), subnet) === normalizeIP(written(other), subnet)) === same
    }),
    { numRuns: 2000 }
  )
})

t.test('IPv4 is IPv4 in whatever guise, and no two are one', async () => {
  fc.assert(
    fc.property(ipv4, fc.integer({ min: 0, max: 128 }), (address, subnet) => {
      return [address, `::ffff:${address}`, `64:ff9b::${address}`, `${address}:5004`].every(
        (text) => normalizeIP(text, subnet) === address
      )
    })
  )
})

t.test('text that is no address comes back in lower case', async (t) => {
  t.equal(normalizeIP('Example.COM'), 'example.com')
  t.equal(normalizeIP('UNIX:/tmp/A'), 'unix:/tmp/a')
  t.equal(normalizeIP('[2001:DB8::1]:80'), '2001:db8::')
  t.equal(normalizeIP('fe80::1%eth0', 128), 'fe80::1')
})
