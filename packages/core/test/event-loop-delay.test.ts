/**
 * How late the event loop is, and the clock that tells it: `clock.ts`.
 */
import { eventLoopDelay, monotonicClock } from '@holdfast/core'
import t from 'tap'
import { eventually } from '../../../test/support/http.ts'

function block(milliseconds: number): void {
  const end = monotonicClock() + milliseconds
  while (monotonicClock() < end);
}

t.test('a loop that is held up shows its delay to every holder, then recovers', async (t) => {
  const one = eventLoopDelay()
  const two = eventLoopDelay()
  t.equal(one.current, 0)
  block(600)
  await eventually(() => one.current > 10)
  t.ok(one.max >= 450, 'the longest delay is the whole of it, but for one beat')
  t.equal(two.current, one.current)
  const peak = one.current
  await eventually(() => one.current < peak)
  t.ok(two.max >= 450, 'and it is remembered')
  one.release()
  two.release()
})

t.test('a loop that is held up before the first sample of a window shows it too', async (t) => {
  for (const milliseconds of [200, 600]) {
    const delay = eventLoopDelay()
    block(milliseconds)
    await eventually(() => delay.current > 0)
    t.ok(delay.current > 10)
    delay.release()
  }
})

t.test('the last one to release stops the measurement, and only once', async (t) => {
  const before = process.getActiveResourcesInfo().sort()
  const one = eventLoopDelay()
  const two = eventLoopDelay()
  one.release()
  one.release()
  block(600)
  await eventually(() => two.current > 10)
  t.ok(two.current > 10, 'a second release does not count for somebody else')
  two.release()
  const next = eventLoopDelay()
  t.equal(next.current, 0, 'a new measurement begins at nothing')
  next.release()
  t.strictSame(process.getActiveResourcesInfo().sort(), before)
})
