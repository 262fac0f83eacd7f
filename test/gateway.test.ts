/**
 * The gateway example as a newcomer meets it: real processes, real HTTP, real signals. The five acts
 * of its README, and what it says when it cannot start.
 */
import { once } from 'node:events'
import { createServer } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { type Dispatcher, Pool, request } from 'undici'
import { eventually } from './support/http.ts'
import { type RunningProcess, startNode } from './support/process.ts'

// Most of the time is spent waiting: for a breaker to try again, for a drain to pass.
t.jobs = 4

const start = fileURLToPath(new URL('../examples/gateway/start.js', import.meta.url))
const layers = fileURLToPath(new URL('../examples/gateway/layers.js', import.meta.url))
const server = fileURLToPath(new URL('../examples/gateway/server.js', import.meta.url))

const FREE_PORTS = { PORT: '0', PAYMENTS_PORT: '0', CONSOLE_PORT: '0' }
const LISTENING = /orders API listens on (\S+), the payments service behind it on (\S+)\./

interface Example extends RunningProcess {
  readonly url: string
  readonly payments: string
}

async function startExample(t: Test, env: NodeJS.ProcessEnv = {}): Promise<Example> {
  const running = startNode([start], { env: { ...FREE_PORTS, ...env } })
  t.teardown(running.stop)
  const [, url = '', payments = ''] = await running.printed(LISTENING)
  return { ...running, url, payments }
}

const json = { 'content-type': 'application/json' }
const order = JSON.stringify({ item: 'tea', amount: 4.5 })

async function placeOrder(url: string): Promise<{ statusCode: number; status: unknown }> {
  const { statusCode, body } = await request(`${url}/orders`, {
    method: 'POST',
    headers: json,
    body: order
  })
  const { status } = (await body.json()) as { status: unknown }
  return { statusCode, status }
}

async function tellPayments(url: string, mode: 'ok' | 'slow' | 'fail' | 'uneven'): Promise<void> {
  const { body } = await request(`${url}/behaviour`, {
    method: 'PUT',
    headers: json,
    body: JSON.stringify({ mode })
  })
  await body.dump()
}

/** What payments have seen: calls, orders charged, and how long the last caller said that it waits. */
interface Seen {
  readonly calls: number
  readonly charged: number
  readonly waiting: number
}

async function seenBy(payments: string): Promise<Seen> {
  const { body } = await request(`${payments}/behaviour`)
  return (await body.json()) as Seen
}

async function callsSeenBy(payments: string): Promise<number> {
  return (await seenBy(payments)).calls
}

t.test('act 1: an order is read and placed, and each request is one line of log', async (t) => {
  const example = await startExample(t)

  const read = await request(`${example.url}/orders/1`)
  t.equal(read.statusCode, 200)
  t.match(await read.body.json(), { id: '1', status: 'paid' })
  t.same(await placeOrder(example.url), { statusCode: 201, status: 'paid' })
  t.equal((await request(`${example.url}/livez`)).statusCode, 200)
  t.equal((await request(`${example.url}/readyz`)).statusCode, 200)

  const about = (route: string) => example.lines().filter((line) => line['route'] === route)
  await eventually(() => about('/orders').length > 0)
  t.match(about('/orders/:id'), [{ method: 'GET', outcome: 'ok' }])
  t.match(about('/orders'), [{ method: 'POST', outcome: 'ok' }])
  t.equal(about('/readyz').length, 0, 'probes are not logged')
})

t.test('act 2: who reads too much is told so, and when to come back', async (t) => {
  const example = await startExample(t)

  const answers: Dispatcher.ResponseData[] = []
  do {
    answers.push(await request(`${example.url}/orders/1`))
  } while (answers.at(-1)!.statusCode === 200 && answers.length < 100)
  const denied = answers.pop()!
  const allowed = answers[0]!

  t.ok(answers.length >= 20, 'the whole limit can be used')
  t.equal(denied.statusCode, 429)
  t.match(denied.headers['content-type'], /^application\/problem\+json/)
  t.match(await denied.body.json(), { status: 429, code: 'HOLDFAST_ERR_RATE_LIMIT_EXCEEDED' })
  t.match(denied.headers['retry-after'], /^[1-9]\d*$/)
  t.match(denied.headers['ratelimit'], /r=0/)
  t.ok(denied.headers['ratelimit-policy'])
  t.match(allowed.headers['ratelimit'], /r=19/)

  t.same(await placeOrder(example.url), { statusCode: 201, status: 'paid' }, 'orders go on')
  t.equal((await request(`${example.url}/readyz`)).statusCode, 200)
})

t.test('act 3: payments fail, the breaker opens and heals, and every order is taken', async (t) => {
  const example = await startExample(t)
  const pending = { statusCode: 202, status: 'payment-pending' }

  await tellPayments(example.payments, 'fail')
  for (let failure = 0; failure < 5; failure++) t.same(await placeOrder(example.url), pending)
  t.equal(await callsSeenBy(example.payments), 5, 'until the threshold payments are called')

  for (let refused = 0; refused < 3; refused++) t.same(await placeOrder(example.url), pending)
  t.equal(await callsSeenBy(example.payments), 5, 'then they are left alone')
  t.equal((await request(`${example.url}/readyz`)).statusCode, 200, 'the gateway is not to blame')

  await tellPayments(example.payments, 'ok')
  let healed = 0
  for (let attempt = 0; attempt < 100 && healed === 0; attempt++) {
    const { statusCode } = await placeOrder(example.url)
    if (statusCode === 201) healed = attempt
    else await wait(200)
  }
  t.ok(healed > 0, 'some time after payments are well again they are called again')
  t.equal(await callsSeenBy(example.payments), 6)
  t.same(await placeOrder(example.url), { statusCode: 201, status: 'paid' })
})

t.test('act 3, slow payments: an order does not wait for them longer than a second', async (t) => {
  const example = await startExample(t)
  await tellPayments(example.payments, 'slow')
  const answers = await Promise.all(Array.from({ length: 5 }, () => placeOrder(example.url)))
  for (const answer of answers) t.equal(answer.status, 'payment-pending')
  const calls = await callsSeenBy(example.payments)
  t.ok(calls >= 5)
  t.equal((await placeOrder(example.url)).status, 'payment-pending')
  t.equal(await callsSeenBy(example.payments), calls, 'too slow is broken: the breaker is open')
})

t.test('act 4: stopped under load, the gateway loses nothing', async (t) => {
  const example = await startExample(t, { DRAIN_DELAY: '3s', ORDER_READS: '1000000' })
  const pool = new Pool(example.url, { connections: 20 })
  t.teardown(() => pool.destroy())

  let balancerSends = true
  t.teardown(() => {
    balancerSends = false
  })
  let toldReadiness = false
  const statuses = new Map<number, number>()
  const failures: unknown[] = []
  const before = { answers: 0 }
  const afterwards = { answers: 0, askedToClose: 0 }

  async function client(): Promise<void> {
    for (let sent = 0; balancerSends; sent++) {
      const duringDrain = toldReadiness
      const placesOrder = sent % 50 === 0
      try {
        const { statusCode, headers, body } = await pool.request(
          placesOrder
            ? { method: 'POST', path: '/orders', headers: json, body: order }
            : { method: 'GET', path: '/orders/1' }
        )
        await body.dump()
        statuses.set(statusCode, (statuses.get(statusCode) ?? 0) + 1)
        if (duringDrain) {
          afterwards.answers++
          if (headers['connection'] === 'close') afterwards.askedToClose++
        } else {
          before.answers++
        }
      } catch (error) {
        failures.push(error)
      }
      await wait(5)
    }
  }

  const clients = Array.from({ length: 20 }, client)
  await eventually(() => before.answers > 200, 30)
  example.signal('SIGTERM')

  while ((await request(`${example.url}/readyz`)).statusCode === 200) await wait(10)
  toldReadiness = true
  t.equal((await request(`${example.url}/livez`)).statusCode, 200, 'leaving is not dying')
  // The balancer has seen the probe, and takes its time to act on it.
  await wait(1000)
  balancerSends = false
  await Promise.all(clients)

  t.same(failures, [], 'no request failed')
  t.same([...statuses.keys()].sort(), [200, 201])
  t.ok(afterwards.answers > 20, 'the load went on after the signal')
  t.equal(
    afterwards.askedToClose,
    afterwards.answers,
    'each of these answers closes its connection'
  )

  t.same(await example.exited, { code: 0, signal: null })
  await t.rejects(request(example.payments), 'the payments service has left as well')
})

t.test(
  'act 5: a charge that is not answered in time is asked for again, and made once',
  async (t) => {
    const example = await startExample(t)
    await tellPayments(example.payments, 'uneven')
    const orders = 6
    let paid = 0
    for (let placed = 0; placed < orders; placed++) {
      if ((await placeOrder(example.url)).status === 'paid') paid++
    }
    t.ok(paid >= orders - 1, `${paid} of ${orders} are paid`)
    const { calls, charged, waiting } = await seenBy(example.payments)
    t.ok(calls > orders, `${calls} calls`)
    t.ok(charged <= orders, 'no order is charged twice')
    t.ok(
      waiting > 0 && waiting <= 400,
      `payments know that nobody waits for more than ${waiting} ms`
    )
    await eventually(() => example.lines().some((line) => Number(line['upstreamTries']) > 1))
  }
)

t.test('act 5: retries multiply through the layers, and within a budget do not', async (t) => {
  const running = startNode([layers])
  t.teardown(running.stop)
  t.same(await running.exited, { code: 0, signal: null })
  const calls = running.output().matchAll(/^\| (retries.*?) +\| +([\d.]+) \|$/gm)
  const [plain, budget, breaker] = Array.from(calls, ([, , count]) => Number(count))
  t.equal(plain, 27)
  // Of it one a second: on a slow machine there are more of them.
  t.ok(Number(budget) >= 1 && Number(budget) < 3, `${budget} within a budget`)
  t.ok(Number(breaker) < 0.5, `${breaker} behind a breaker`)
})

t.test('a signal to the whole process group stops the gateway first, then payments', async (t) => {
  const running = startNode([start], { env: { ...FREE_PORTS, DRAIN_DELAY: '1s' }, group: true })
  t.teardown(() => running.stop())
  const [, url = '', payments = ''] = await running.printed(LISTENING)

  process.kill(-running.child.pid!, 'SIGINT')
  while ((await request(`${url}/readyz`)).statusCode === 200) await wait(10)
  t.same(await placeOrder(url), { statusCode: 201, status: 'paid' }, 'payments are still there')

  t.same(await running.exited, { code: 0, signal: null })
  await t.rejects(request(payments), 'and are gone at the end')
})

t.test('a gateway that is killed leaves no payments service behind', async (t) => {
  const example = await startExample(t)
  example.signal('SIGKILL')
  // The pipes close only when the last process that holds them is gone.
  t.same(await example.exited, { code: null, signal: 'SIGKILL' })
  await t.rejects(request(example.payments))
})

t.test('what the gateway cannot start with is said in a sentence', async (t) => {
  const taken = createServer().listen(0, 'localhost')
  await once(taken, 'listening')
  t.teardown(() => taken.close())
  const address = taken.address()
  const port = typeof address === 'object' && address !== null ? String(address.port) : ''

  async function refusal(t: Test, file: string, env: NodeJS.ProcessEnv): Promise<string> {
    const running = startNode([file], { env: { ...FREE_PORTS, ...env } })
    t.teardown(running.stop)
    const { code } = await running.exited
    t.equal(code, 1)
    const said = running
      .output()
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('{'))
    t.equal(said.length, 1, `one sentence: ${said.join(' / ')}`)
    return said.join('\n')
  }

  await t.test('a port in use', async (t) => {
    t.match(await refusal(t, start, { PORT: port }), `port ${port} is already in use`)
    t.match(await refusal(t, start, { PAYMENTS_PORT: port }), `port ${port} is already in use`)
  })
  await t.test('no payments service', async (t) => {
    t.match(await refusal(t, server, { PAYMENTS_URL: '' }), 'PAYMENTS_URL is not set')
    t.match(await refusal(t, server, { PAYMENTS_URL: 'payments' }), 'but it is "payments"')
    const nobody = 'http://127.0.0.1:9'
    t.match(await refusal(t, server, { PAYMENTS_URL: nobody }), `does not answer at ${nobody}`)
  })
  await t.test('an option that cannot work', async (t) => {
    t.match(await refusal(t, start, { ORDER_READS: 'many' }), /rateLimit.*max.*but it is NaN/)
    t.match(
      await refusal(t, start, { DRAIN_DELAY: 'soon' }),
      /drainDelay.*but it is the text "soon"/
    )
    t.match(await refusal(t, start, { PORT: '70000' }), 'PORT must be a whole number')
  })
})
