import { extensionOf, startDeadline } from '@holdfast/core'
import t from 'tap'

// A deadline keeps no process alive, and here nothing else would.
const alive = setInterval(() => {}, 60_000)
t.teardown(() => clearInterval(alive))

/** Holds up the event loop. */
function holdUp(milliseconds: number): void {
  const end = performance.now() + milliseconds
  while (performance.now() < end);
}

t.test('a deadline is set again by its lateness, at most by its length', async (t) => {
  t.equal(extensionOf(-1, 100), 0, 'too early')
  t.equal(extensionOf(0, 100), 0)
  t.equal(extensionOf(2, 100), 0, 'as late as any timer')
  t.equal(extensionOf(3, 100), 3)
  t.equal(extensionOf(100, 100), 100)
  t.equal(extensionOf(500, 100), 100)
})

t.test('a deadline expires once', async (t) => {
  let expired = 0
  startDeadline(5, () => expired++)
  // Of no length, and so never set again, however busy the machine is.
  startDeadline(0, () => expired++)
  await new Promise((resolve) => setTimeout(resolve, 100))
  t.equal(expired, 2)
})

t.test('what came while the process was held up is read before the deadline expires', async (t) => {
  const order: string[] = []
  const deadline = startDeadline(50, () => order.push('expired'))
  // An answer that takes two turns of the loop after the process was held up.
  setTimeout(() => setTimeout(() => order.push('answered'), 1), 10)
  holdUp(300)
  while (order.length < 2) await new Promise((resolve) => setTimeout(resolve, 5))
  t.strictSame(order, ['answered', 'expired'])
  deadline.clear()
})

t.test('a deadline that was cleared never expires, however late', async (t) => {
  let expired = 0
  const count = (): number => expired++
  startDeadline(5, count).clear()
  const late = startDeadline(5, count)
  const gone = startDeadline(5, count)
  holdUp(200)
  await new Promise(setImmediate)
  gone.clear()
  gone.clear()
  await new Promise((resolve) => setTimeout(resolve, 300))
  t.equal(expired, 1, 'the one that was not cleared')
  late.clear()
})
