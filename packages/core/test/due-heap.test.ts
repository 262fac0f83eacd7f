import * as fc from 'fast-check'
import t from 'tap'
import { type Due, DueHeap } from '../dist/due-heap.js'

const item = (due: number): Due => ({ due, position: -1 })

/** A due time to add, or the number of an item that leaves. */
const steps = fc.array(
  fc.oneof(
    fc.record({ due: fc.integer({ min: 0, max: 50 }) }),
    fc.record({ leaves: fc.nat({ max: 30 }) })
  ),
  { maxLength: 200 }
)

t.test('what is due first is on top, whichever came and left in between', async (t) => {
  fc.assert(
    fc.property(steps, (steps) => {
      const heap = new DueHeap<Due>()
      const items: Due[] = []
      const waiting = new Set<Due>()
      for (const step of steps) {
        if ('due' in step) {
          const added = item(step.due)
          items.push(added)
          waiting.add(added)
          heap.add(added)
        } else {
          const leaving = items[step.leaves]
          if (leaving === undefined) continue
          waiting.delete(leaving)
          heap.remove(leaving)
        }
        const earliest = Math.min(...[...waiting].map(({ due }) => due))
        if ((heap.first?.due ?? Infinity) !== earliest) return false
      }
      return items.every((one) => waiting.has(one) === (one.position !== -1))
    })
  )
  t.pass()
})

t.test('emptied from the top, items leave in the order of their times', async (t) => {
  fc.assert(
    fc.property(fc.array(fc.double({ noNaN: true })), (times) => {
      const heap = new DueHeap<Due>()
      for (const due of times) heap.add(item(due))
      const left: number[] = []
      for (let first = heap.first; first !== undefined; first = heap.first) {
        left.push(first.due)
        heap.remove(first)
      }
      return left.every((due, index) => index === 0 || (left[index - 1] as number) <= due)
    })
  )
  t.pass()
})
