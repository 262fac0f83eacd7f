/**
 * Keeps one variant warm in a process of its own. Asked "cpu?" it sends a sample of requests and tells
 * the microseconds of one; asked "end?" it proves that it did what it should, and tells the bytes.
 *
 * Usage: startChild([in-process-worker.js, module of variants, variant, warm-up, requests a sample])
 */
import { pathToFileURL } from 'node:url'
import { closed, connection, send } from './fake-exchange.js'

const BATCH = 50
const CLIENTS = 50
const MAX_TURNS = 100_000

// Before anything that may hang.
process.on('disconnect', () => process.exit(0))

const [, , modulePath = '', variantName = '', warmUp, perSample] = process.argv

/** @type {{ variants: Record<string, import('./in-process.js').Variant> }} */
const { variants } = await import(pathToFileURL(modulePath).href)
const variant = variants[variantName]
if (variant === undefined) throw new Error(`no variant ${variantName} in ${modulePath}`)

const { app, request, status = 200, verify } = await variant()
await app.ready()
const what = {
  method: 'GET',
  url: '/',
  headers: { host: 'localhost', 'user-agent': 'bench' },
  ...request
}
const sockets = Array.from({ length: CLIENTS }, (_, client) => connection(client))
let sent = 0

/** @param {number} count */
async function run(count) {
  for (let done = 0; done < count; ) {
    // Up to a socket each: one request at a time on a connection, as keep-alive clients send them.
    for (let index = 0; index < BATCH && done < count; index++, done++) {
      send(app, what, /** @type {ReturnType<typeof connection>} */ (sockets[index % CLIENTS]))
      sent++
    }
    await new Promise((resolve) => setImmediate(resolve))
    for (let turns = 0; closed() < sent; turns++) {
      if (turns === MAX_TURNS) throw new Error(`${sent - closed()} of ${sent} requests do not end`)
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
}

async function microseconds() {
  const before = process.cpuUsage()
  await run(Number(perSample))
  const { user, system } = process.cpuUsage(before)
  return (user + system) / Number(perSample)
}

// Few enough that the young generation, which the driver makes large, holds them without collection.
const ALLOCATING = 1000

async function bytes() {
  const samples = []
  for (let sample = 0; sample < 5; sample++) {
    globalThis.gc?.()
    const before = process.memoryUsage().heapUsed
    await run(ALLOCATING)
    samples.push((process.memoryUsage().heapUsed - before) / ALLOCATING)
  }
  return samples
}

async function assertWorkDone() {
  const answer = await app.inject({ ...what, method: 'GET' })
  if (answer.statusCode !== status) throw new Error(`expected ${status}, got ${answer.statusCode}`)
  if (closed() !== sent) throw new Error(`${sent} sent, ${closed()} closed`)
  await verify?.(sent + 1)
}

/** @param {unknown} question */
async function answer(question) {
  if (question === 'cpu?') {
    process.send?.({ microseconds: await microseconds() })
  } else {
    const allocated = await bytes()
    await assertWorkDone()
    process.send?.({ bytes: allocated })
  }
}

await run(Number(warmUp))
process.on('message', answer)
process.send?.({})
