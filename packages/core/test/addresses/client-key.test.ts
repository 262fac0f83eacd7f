import { isIPv6 } from 'node:net'
import { clientKey } from '@holdfast/core'
import fc from 'fast-check'
import t from 'tap'

t.test('an IPv4 address is its own key, however it is written', async (t) => {
  fc.assert(
    fc.property(fc.ipV4(), (address) => {
      const [a = 0, b = 0, c = 0, d = 0] = address.split('.').map(Number)
      const groups = `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`
      return [
        address,
        `::ffff:${address}`,
        `::FFFF:${groups}`,
        `0:0:0:0:0:ffff:${address}`,
        `64:ff9b::${address}`,
        `0064:ff9b:0000::${groups}`,
        `::ffff:${address}%eth0`,
        `${address}:8080`,
        `[::ffff:${address}]:80`
      ].every((spelling) => clientKey(spelling) === address)
    })
  )
  t.pass()
})

t.test('distinct IPv4 addresses never share a key, in whatever notation', async (t) => {
  const spelled = fc.tuple(fc.ipV4(), fc.constantFrom('', '::ffff:', '64:ff9b::'))
  fc.assert(
    fc.property(spelled, spelled, ([one, how], [other, otherwise]) => {
      return (clientKey(how + one) === clientKey(otherwise + other)) === (one === other)
    })
  )
  t.pass()
})

t.test('an IPv6 address counts under its network', async (t) => {
  for (const [address, bits, key] of [
    ['2001:db8:1:2:3:4:5:6', 64, '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002:ffff:ffff:ffff:ffff', 64, '2001:db8:1:2::/64'],
    ['2001:db8::1', 64, '2001:db8:0:0::/64'],
    ['2001:db8:0:0:1::', 64, '2001:db8:0:0::/64'],
    ['::', 64, '0:0:0:0::/64'],
    ['::1', 64, '0:0:0:0::/64'],
    ['1::', 64, '1:0:0:0::/64'],
    ['fe80::1%eth0', 64, 'fe80:0:0:0::/64'],
    ['::fffe:192.0.2.1', 64, '0:0:0:0::/64'],
    ['2001:db8::192.0.2.1', 64, '2001:db8:0:0::/64'],
    ['1:2:3:4:5:6:192.0.2.1', 64, '1:2:3:4::/64'],
    ['2001:db8:1:2ff:3:4:5:6', 56, '2001:db8:1:200::/56'],
    ['2001:db8:1:2:3:4:5:6', 48, '2001:db8:1::/48'],
    ['2001:db8:1:2:3:4:5:6', 128, '2001:db8:1:2:3:4:5:6'],
    ['2001:db8::a06', 128, '2001:db8:0:0:0:0:0:a06']
  ] as const) {
    t.equal(clientKey(address, bits), key, `${address}/${bits}`)
  }
})

t.test('every spelling of an IPv6 address has the same key', async (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.nat({ max: 0xffff }), fc.constant(0)), { minLength: 8, maxLength: 8 }),
      fc.integer({ min: 32, max: 128 }),
      (groups, bits) => {
        const plain = groups.map((group) => group.toString(16)).join(':')
        const padded = groups.map((group) => group.toString(16).toUpperCase().padStart(4, '0'))
        const short = plain.replace(/(^|:)0(:0)+(:|$)/, '::')
        const zoned = `${plain}%12`
        const keys = [plain, padded.join(':'), short, zoned].map((text) => clientKey(text, bits))
        return keys.every((key) => key === keys[0])
      }
    )
  )
  t.pass()
})

t.test('what is an address and what is not is what Node says', async (t) => {
  const pieces = fc.constantFrom(
    ':',
    '::',
    '0',
    '1',
    'ffff',
    'abcde',
    '1.2.3.4',
    '256.1.1.1',
    '01.2.3.4',
    '.',
    '%',
    'g'
  )
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 18 }), (parts) => {
      const text = parts.join('')
      // Without a port and a zone, a key that is not the text itself is that of an address.
      fc.pre(text.includes(':') && !/%|^[\d.]+:\d+$/.test(text))
      return isIPv6(text) === (clientKey(`${text}%1`, 128) !== `${text}%1`)
    }),
    { numRuns: 5000 }
  )
  t.pass()
})

t.test('what is no address is its own key, and no address at all is local', async (t) => {
  for (const text of [
    'banana',
    '1.2.3',
    '::banana',
    '1:2:3',
    '12345::',
    '::ffff:1.2.3.999',
    '::1.2.3',
    '1::2::3',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7:1.2.3.4',
    '::1:2:3:4:5:6:7:8',
    ':1',
    '1:%eth0',
    '::%'
  ]) {
    t.equal(clientKey(text), text === '::%' ? '0:0:0:0::/64' : text)
  }
  t.equal(clientKey(undefined), 'local')
  t.equal(clientKey(''), 'local')
})

t.test('the port that some proxies forward with an address does not count', async (t) => {
  for (const text of ['192.0.2.1:1000', '192.0.2.1:65535', '[::ffff:192.0.2.1]:80']) {
    t.equal(clientKey(text), '192.0.2.1', text)
  }
  for (const text of ['[2001:db8::1]:80', '[2001:db8::1]:81', '[2001:db8::1]']) {
    t.equal(clientKey(text), clientKey('2001:db8::1'), text)
  }
})
