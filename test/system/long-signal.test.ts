/**
 * A signal that lives as long as the process costs nothing for each call that is given it.
 */
import { getEventListeners } from 'node:events'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { payments } from '../../packages/outgoing/test/support/upstream.ts'

const CALLS = 100_000
const MIB = 1 << 20

setFlagsFromString('--expose-gc')
const collect: () => void = runInNewContext('gc')

/** Answers at once, as an undici would of either shape, without a network between. */
const dispatcher = {
  dispatch(_options: object, handler: Record<string, (...given: unknown[]) => unknown>): boolean {
    const second = handler['onRequestStart'] !== undefined
    const controller = { aborted: false, rawHeaders: [], abort() {}, resume() {}, pause() {} }
    queueMicrotask(() => {
      if (second) {
        handler['onRequestStart']?.(controller, {})
        handler['onResponseStart']?.(controller, 204, {}, 'No Content')
        handler['onResponseEnd']?.(controller, {})
      } else {
        handler['onConnect']?.(() => {})
        handler['onHeaders']?.(204, [], () => {}, 'No Content')
        handler['onComplete']?.([])
      }
    })
    return true
  }
}

t.test('100,000 calls leave no listener on it, and a flat heap', async (t) => {
  const { app, upstream } = await payments(t, { origin: 'http://payments.test', dispatcher })
  const { signal } = new AbortController()
  const call = async (): Promise<void> => {
    const response = await upstream.fetch('/', { signal })
    if (response.status !== 204) throw new Error(`status ${response.status}`)
  }
  const heapAfter = async (calls: number): Promise<number> => {
    for (let done = 0; done < calls; done++) await call()
    // What is collected tells the registries of fetch, a turn later.
    for (let turn = 0; turn < 3; turn++) {
      collect()
      await new Promise(setImmediate)
    }
    return process.memoryUsage().heapUsed
  }
  const before = await heapAfter(CALLS / 5)
  const after = await heapAfter((CALLS * 4) / 5)
  t.equal(getEventListeners(signal, 'abort').length, 0)
  t.equal(upstream.snapshot().outcomes.success, CALLS)
  t.equal(app.circuitBreaker('payments').snapshot().inFlight, 0)
  t.ok(after - before < 4 * MIB, `${Math.round((after - before) / 1024)} KiB more`)
})
