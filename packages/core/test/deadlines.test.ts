import t from 'tap'
import { dropIdleQueues, type Timed, unwatch, watch } from '../dist/deadlines.js'

// The timer of a call keeps no process alive, and here nothing else would.
const alive = setInterval(() => {}, 60_000)
t.teardown(() => clearInterval(alive))

t.test('a timer that fires early by its clock ends the call it was set for', async (t) => {
  const order: string[] = []
  const timed = (name: string): Timed => ({
    due: 0,
    previous: undefined,
    next: undefined,
    timedOut: () => order.push(name)
  })
  const [first, second, gone] = [timed('first'), timed('second'), timed('gone')] as const
  const now = performance.now()
  // Due long after the timer fires, as a timer of a test that has its own would.
  watch(first, 7, now + 60_000)
  watch(gone, 7, now + 60_000)
  watch(second, 7, now + 60_050)
  unwatch(gone)
  await new Promise((resolve) => setTimeout(resolve, 40))
  t.strictSame(order, ['first'])
  unwatch(second)
  dropIdleQueues()
})
