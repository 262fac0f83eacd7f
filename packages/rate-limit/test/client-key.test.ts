import fc from 'fast-check'
import t from 'tap'
import { canonicalAddress, clientKey } from '../dist/client-key.js'

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
        `0064:ff9b:0000::${groups}`
      ].every(
        (spelling) => clientKey(spelling) === address && canonicalAddress(spelling) === address
      )
    })
  )
  t.pass()
})

t.test('an IPv6 address counts under its /64 network', async (t) => {
  for (const [address, key] of [
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002:ffff:ffff:ffff:ffff', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:db8:0:0:1::', '2001:db8:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['1::', '1:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::fffe:192.0.2.1', '0:0:0:0::/64'],
    ['2001:db8::192.0.2.1', '2001:db8:0:0::/64'],
    ['1:2:3:4:5:6:192.0.2.1', '1:2:3:4::/64']
  ] as const) {
    t.equal(clientKey(address), key, address)
  }
})

t.test('every spelling of an IPv6 address has one canonical form', async (t) => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 0xffff }), { minLength: 8, maxLength: 8 }), (groups) => {
      const plain = groups.map((group) => group.toString(16)).join(':')
      const padded = groups.map((group) => group.toString(16).toUpperCase().padStart(4, '0'))
      const short = plain.replace(/(^|:)0(:0)+(:|$)/, '::')
      const forms = [plain, padded.join(':'), short].map(canonicalAddress)
      return forms.every((form) => form === forms[0])
    })
  )
  t.equal(canonicalAddress('2001:db8::1'), canonicalAddress('2001:0DB8:0:0::0001'))
  t.not(canonicalAddress('2001:db8::1'), canonicalAddress('2001:db8::2'))
})

t.test('what is no address is its own key, and no address at all is local', async (t) => {
  for (const text of ['banana', '1.2.3', '::banana', '1:2:3', '12345::', '::ffff:1.2.3.999']) {
    t.equal(clientKey(text), text)
    t.equal(canonicalAddress(text), text)
  }
  t.equal(clientKey(undefined), 'local')
  t.equal(clientKey(''), 'local')
})

t.test('the port that some proxies forward with an address does not count', async (t) => {
  for (const text of ['192.0.2.1:1000', '192.0.2.1:65535', '[::ffff:192.0.2.1]:80']) {
    t.equal(clientKey(text), '192.0.2.1', text)
    t.equal(canonicalAddress(text), '192.0.2.1', text)
  }
  for (const text of ['[2001:db8::1]:80', '[2001:db8::1]:81', '[2001:db8::1]']) {
    t.equal(clientKey(text), clientKey('2001:db8::1'), text)
  }
})
