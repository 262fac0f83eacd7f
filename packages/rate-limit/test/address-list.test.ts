import { BlockList } from 'node:net'
import fc from 'fast-check'
import t from 'tap'
import { AddressList, isNetwork } from '../dist/address-list.js'

t.test('an address is on the list in any spelling, or within a network on it', async (t) => {
  const list = new AddressList(['192.0.2.1', '10.0.0.0/8', '2001:DB8:0::1', '2001:db8:ff00::/40'])
  for (const address of [
    '192.0.2.1',
    '::ffff:192.0.2.1',
    '64:ff9b::192.0.2.1',
    '192.0.2.1:4000',
    '10.255.0.3',
    '::ffff:10.1.1.1',
    '2001:db8::1',
    '[2001:db8:0::1]:80',
    '2001:db8:ff12::1'
  ]) {
    t.ok(list.has(address), address)
  }
  for (const address of [
    '192.0.2.2',
    '11.0.0.1',
    '2001:db8::2',
    '2001:db9::',
    'banana',
    '',
    undefined
  ]) {
    t.notOk(list.has(address), String(address))
  }
  t.notOk(new AddressList([]).has('10.0.0.1'))
  t.ok(new AddressList(['::/0']).has('10.0.0.1'), 'everybody')
  t.ok(new AddressList(['0.0.0.0/0']).has('10.0.0.1'))
  t.notOk(new AddressList(['0.0.0.0/0']).has('2001:db8::1'))
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

t.test('what is no network is told apart', async (t) => {
  for (const text of [
    'banana',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    '10.0.0/8',
    '010.0.0.1',
    '2001:db8::/129',
    '::ffff:10.0.0.0/40',
    '/8'
  ]) {
    t.notOk(isNetwork(text), text)
    t.throws(() => new AddressList([text]), RangeError)
  }
  t.ok(isNetwork('::ffff:10.0.0.0/104'))
  t.ok(new AddressList(['::ffff:10.0.0.0/104']).has('10.9.9.9'))
})
