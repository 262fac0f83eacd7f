/**
 * A pause of the event loop is not the fault of a dependency. Covers `circuit/circuit.ts`
 * as far as it knows of it.
 */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { type CallOutcome, CircuitBreaker } from '@holdfast/circuit-breaker'
import t from 'tap'
import { Circuit } from '../../dist/circuit/circuit.js'
import { DEFAULTS } from '../../dist/rules.js'

const CALLS = 10

/** An upstream with an event loop of its own, that answers after 50 ms. */
async function upstream(): Promise<{ url: string; worker: Worker }> {
  const source = `
    const { parentPort } = require('node:worker_threads')
    require('node:http')
      .createServer((request, response) => setTimeout(() => response.end('fine'), 50))
      .listen(0, '127.0.0.1', function () { parentPort.postMessage(this.address().port) })`
  const worker = new Worker(source, { eval: true })
  const [port] = await once(worker, 'message')
  return { url: `http://127.0.0.1:${port}/`, worker }
}

/** Holds up the event loop, from a place in its turn after which timers are the first to be called. */
async function holdUp(milliseconds: number): Promise<void> {
  await new Promise(setImmediate)
  const end = performance.now() + milliseconds
  while (performance.now() < end);
}

t.test('answers that came while the process was held up are neither late nor slow', async (t) => {
  const { url, worker } = await upstream()
  t.teardown(() => worker.terminate())
  const breaker = new CircuitBreaker({
    name: 'upstream',
    slowCall: { duration: 1000, rate: 0.1 },
    minimumCalls: CALLS
  })
  const ask = async ({ signal }: { signal: AbortSignal }): Promise<string> =>
    (await fetch(url, { signal })).text()
  const calls = Array.from({ length: CALLS }, () => breaker.execute(ask, { timeout: 1000 }))
  // The requests go out first.
  await new Promise((resolve) => setTimeout(resolve, 30))
  await holdUp(1500)
  t.strictSame(await Promise.all(calls), Array(CALLS).fill('fine'))
  t.match(breaker.snapshot(), {
    state: 'closed',
    failures: 0,
    overdue: 0,
    window: { judged: CALLS, slow: 0 }
  })
})

t.test('a call that does not end is given up after the pause, once it had its time', async (t) => {
  const alive = setInterval(() => {}, 1000)
  t.teardown(() => clearInterval(alive))
  const breaker = new CircuitBreaker()
  const never = (): Promise<never> => new Promise(() => {})
  const calls = [100, 100, 100_000].map((timeout) =>
    breaker.execute(never, { timeout, fallback: () => timeout })
  )
  await holdUp(300)
  await new Promise(setImmediate)
  t.equal(breaker.snapshot().inFlight, 3)
  t.strictSame(await Promise.all(calls.slice(0, 2)), [100, 100])
  t.equal(breaker.snapshot().inFlight, 1)
})

/** A circuit whose clock and lateness a test sets. */
function circuit(): { circuit: Circuit; pass(time: number, late?: number): void } {
  let now = 0
  let late = 0
  const slowCall = { duration: 100, rate: 0.5 }
  const rules = { ...DEFAULTS, threshold: 1, slowCall, minimumCalls: 2, random: () => 1 }
  return {
    circuit: new Circuit(
      rules,
      () => now,
      () => late,
      () => {}
    ),
    pass(time, lateness = 0) {
      now += time
      late += lateness
    }
  }
}

function end(circuit: Circuit, outcome: CallOutcome): void {
  circuit.admit(1000).end(outcome, 'down')
}

t.test('the time of a running call stands still while the loop is late', async (t) => {
  const { circuit: one, pass } = circuit()
  one.admit(1000)
  pass(400, 350)
  t.equal(one.state, 'closed')
  t.equal(one.overdue, 0, 'it has run for 50 ms')
  pass(49)
  t.equal(one.overdue, 0)
  pass(1)
  t.equal(one.state, 'closed')
  t.equal(one.overdue, 1)
})

t.test('so does the lease of a probe, but not the open period', async (t) => {
  const { circuit: one, pass } = circuit()
  end(one, 'failure')
  pass(10_000, 9_000)
  t.equal(one.state, 'half-open')
  one.admit(1000)
  pass(500, 450)
  t.equal(one.state, 'half-open')
  t.equal(one.waitFor(), 50, 'a slow probe is lost after 100 ms')
  pass(50)
  t.equal(one.state, 'open')
})
