import { isInRing, leaveRing, Ring, type RingItem } from '@holdfast/core'
import * as fc from 'fast-check'
import t from 'tap'

interface Item extends RingItem {
  readonly name: number
}

const item = (name: number): Item => ({ name, previous: undefined, next: undefined })

t.test('items stand in the order in which they came, whichever left in between', async (t) => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.constant('add'), fc.nat({ max: 20 }))), (steps) => {
      const ring = new Ring<Item>()
      const items: Item[] = []
      let expected: Item[] = []
      for (const step of steps) {
        if (step === 'add') {
          const added = item(items.length)
          items.push(added)
          expected.push(added)
          ring.add(added)
        } else {
          const leaving = items[step as number]
          if (leaving === undefined) continue
          expected = expected.filter((one) => one !== leaving)
          leaveRing(leaving)
        }
        if (ring.first !== expected[0]) return false
      }
      const standing = [...ring]
      return (
        standing.length === expected.length &&
        standing.every((one, index) => one === expected[index]) &&
        items.every((one) => isInRing(one) === expected.includes(one))
      )
    })
  )
  t.pass()
})

t.test('an item may come back, and stands last then', async (t) => {
  const ring = new Ring<Item>()
  const [one, two] = [item(1), item(2)]
  ring.add(one)
  ring.add(two)
  leaveRing(one)
  ring.add(one)
  t.strictSame(
    [...ring].map(({ name }) => name),
    [2, 1]
  )
})

t.test('items that leave during a walk are passed over', async (t) => {
  const ring = new Ring<Item>()
  const items = [item(0), item(1), item(2), item(3)]
  for (const one of items) ring.add(one)
  const met: number[] = []
  for (const one of ring) {
    met.push(one.name)
    leaveRing(one)
    if (one.name === 0) leaveRing(items[1] as Item)
  }
  t.strictSame(met, [0, 2, 3])
  for (const one of items) ring.add(one)
  for (const one of ring) {
    met.push(one.name)
    if (one.name === 1) break
  }
  t.strictSame(met, [0, 2, 3, 0, 1], 'a walk may end early')
  for (const one of items) leaveRing(one)
  t.equal(ring.first, undefined)
})

t.test('a ring that was cleared begins again, and its former items leave it alone', async (t) => {
  const ring = new Ring<Item>()
  const [one, two, three] = [item(1), item(2), item(3)]
  ring.add(one)
  ring.add(two)
  ring.clear()
  t.equal(ring.first, undefined)
  ring.add(three)
  leaveRing(one)
  leaveRing(two)
  t.strictSame([...ring], [three])
})
