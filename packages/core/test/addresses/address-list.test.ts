/**
 * Addresses and lists of them: `address.ts` and `address-list.ts`.
 */
import { BlockList } from 'node:net'
import { AddressList, isNetwork } from '@holdfast/core'
import fc from 'fast-check'
import t from 'tap'

/** What is asked of a list with one entry, and whether it is on it. */
const CASES: readonly (readonly [entry: string, on: string[], off: string[]])[] = [
  [
    '192.0.2.1',
    ['192.0.2.1', '::ffff:192.0.2.1', '64:ff9b::192.0.2.1', '192.0.2.1:4000', '::ffff:c000:201'],
    ['192.0.2.2', '192.0.2.10', '::192.0.2.1', '192.0.2.1:', '192.0.2', '2001:db8::192.0.2.1']
  ],
  [
    '10.0.0.0/8',
    ['10.0.0.1', '10.255.0.3', '::ffff:10.1.1.1', '64:ff9b::10.0.0.1', '10.0.0.1:5004'],
    ['11.0.0.1', '9.255.255.255', '::ffff:11.0.0.1', '64:ff9b::11.0.0.1', '11.0.0.1:5004']
  ],
  ['::ffff:10.0.0.0/104', ['10.9.9.9', '::ffff:10.0.0.1', '64:ff9b::10.0.0.1'], ['11.0.0.1']],
  ['64:ff9b::10.0.0.0/104', ['10.9.9.9', '64:ff9b::10.0.0.1'], ['11.0.0.1']],
  ['64:ff9b::/96', ['10.0.0.1', '64:ff9b::1.2.3.4'], ['64:ff9b:1::1.2.3.4', '2001:db8::1']],
  [
    '2001:DB8:0::1',
    ['2001:db8::1', '2001:0db8:0:0:0:0:0:1', '[2001:db8:0::1]:80', '[2001:db8::1]'],
    ['2001:db8::2', '2001:db8::1:80', '[2001:db8::1']
  ],
  ['2001:db8:ff00::/40', ['2001:db8:ff12::1'], ['2001:db8:fe00::1', '2001:db9::']],
  ['fe80::1', ['fe80::1', 'fe80::1%eth0', 'fe80::1%2'], ['fe80::2%eth0', '%eth0']],
  ['fe80::/10', ['fe80::1%eth0', 'febf::1'], ['fec0::1']],
  ['fd00::/8', ['fd12:3456::1'], ['fc00::1', 'fe80::1']],
  ['::1', ['::1', '0:0:0:0:0:0:0:1'], ['::2', '127.0.0.1']],
  ['::/0', ['10.0.0.1', '2001:db8::1', '::1'], ['banana', 'localhost']],
  ['0.0.0.0/0', ['10.0.0.1', '::ffff:10.0.0.1', '64:ff9b::1.1.1.1'], ['2001:db8::1', '::1']]
]

t.test('an address is on the list in any spelling, or within a network on it', async (t) => {
  for (const [entry, on, off] of CASES) {
    t.ok(isNetwork(entry), entry)
    const list = new AddressList([entry])
    for (const address of on) t.ok(list.has(address), `${address} is on ${entry}`)
    for (const address of [...off, '', undefined]) {
      t.notOk(list.has(address), `${address} is not on ${entry}`)
    }
  }
})

t.test('a list of many holds what each of its entries holds', async (t) => {
  const list = new AddressList(CASES.slice(0, 8).map(([entry]) => entry))
  for (const [, on] of CASES.slice(0, 8)) for (const address of on) t.ok(list.has(address), address)
  t.notOk(list.isEmpty)
  t.ok(new AddressList([]).isEmpty)
  t.notOk(new AddressList([]).has('10.0.0.1'))
})

t.test('agrees with the block list of Node', async (t) => {
  const family = (version: 'ipv4' | 'ipv6') => {
    const address = version === 'ipv4' ? fc.ipV4() : fc.ipV6()
    const bits = fc.integer({ min: 0, max: version === 'ipv4' ? 32 : 128 })
    return fc.property(address, address, bits, (one, other, length) => {
      // Mapped and translated addresses are IPv4 here and not there.
      fc.pre(!/^(0*:)*:?(ffff|64)/i.test(`${one} ${other}`))
      const blocks = new BlockList()
      blocks.addSubnet(one, length, version)
      return new AddressList([`${one}/${length}`]).has(other) === blocks.check(other, version)
    })
  }
  fc.assert(family('ipv4'))
  fc.assert(family('ipv6'))
  t.pass()
})

t.test('what is no address and no network is refused', async (t) => {
  for (const text of [
    'banana',
    'localhost',
    '',
    '/8',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/8.5',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    '10.0.0/8',
    '010.0.0.1',
    '10.0.0.1:5004',
    '[::1]',
    '2001:db8::/129',
    'fe80::1%eth0',
    'fe80::%eth0/64',
    '::ffff:10.0.0.0/90',
    '::ffff:10.0.0.0/40',
    '64:ff9b::/64'
  ]) {
    t.notOk(isNetwork(text), text)
    t.throws(() => new AddressList([text]), RangeError, text)
  }
})
