/**
 * A service that is flooded: one route for each kind of request, and a protection or none.
 *
 *     node overloaded-service.js '{ "protection": "nothing", "work": "CPU: 5 ms" }'
 *
 * It tells its port over IPC.
 *
 * @typedef {{ protection: string, work: string, http2?: boolean, pauses?: 'stalls' | 'collections', slower?: number }} Service
 *   `pauses` come every five seconds: a function of 200 ms, or a collection of a large heap; `slower` is by
 *   what factor a dependency becomes slower
 */
import { createRequire } from 'node:module'
import { setTimeout as wait } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { loadShedding } from '@holdfast/load-shedding'
import Fastify from 'fastify'
import { protection, work } from './names.js'

const require = createRequire(import.meta.url)
/** A package without types. @param {string} name */
const peer = (name) => require(name)
/** @type {Service} */
const service = JSON.parse(String(process.argv[2]))

/** @type {Record<string, () => unknown>} */
const WORKS = {
  [work.cpu]: () => burn(5),
  [work.io]: slots(20, 50),
  [work.halves]: async () => {
    burn(2.5)
    await wait(20)
    burn(2.5)
  },
  [work.slower]: gettingSlower(20, service.slower ?? 1)
}

/** @type {Record<string, (app: import('fastify').FastifyInstance) => unknown>} */
const PROTECTIONS = {
  [protection.none]: () => {},
  [protection.nginx]: () => {},
  [protection.loadShedding]: (app) =>
    app.register(loadShedding, { cohort: (request) => String(request.headers['x-user']) }),
  [protection.underPressure]: async (app) =>
    app.register((await import('@fastify/under-pressure')).default, {
      maxEventLoopDelay: 1000,
      maxEventLoopUtilization: 0.98
    }),
  [protection.underPressureTuned]: async (app) =>
    app.register((await import('@fastify/under-pressure')).default, {
      maxEventLoopDelay: 100,
      sampleInterval: 100
    }),
  [protection.overloadProtection]: (app) => {
    const protect = peer('overload-protection')('http', { logging: false })
    app.addHook('onRequest', (_request, reply, done) => {
      if (protect(undefined, reply.raw) === true) reply.hijack()
      else done()
    })
  },
  [protection.tooBusy]: (app) => {
    const tooBusy = peer('toobusy-js')
    app.addHook('onRequest', (_request, reply, done) => {
      if (tooBusy()) reply.code(503).header('retry-after', '1').send('busy')
      else done()
    })
  },
  [protection.cap]: (app) => {
    const most = service.work === work.io ? 40 : 8
    let inFlight = 0
    app.addHook('onRequest', (_request, reply, done) => {
      if (inFlight >= most) {
        reply.code(503).header('retry-after', '1').send('busy')
        return
      }
      inFlight++
      reply.raw.once('close', () => {
        inFlight--
      })
      done()
    })
  }
}

// The overload for HTTP/2 gives another type, with the same methods.
const app = /** @type {import('fastify').FastifyInstance} */ (
  /** @type {unknown} */ (service.http2 === true ? Fastify({ http2: true }) : Fastify())
)
const protect = PROTECTIONS[service.protection]
const run = WORKS[service.work]
if (protect === undefined || run === undefined) throw new Error(`unknown: ${process.argv[2]}`)
await protect(app)
const handler = async () => {
  await run()
  return 'done'
}
app.get('/critical', { config: { loadShedding: 'critical' } }, handler)
app.get('/normal', handler)
app.get('/bulk', { config: { loadShedding: 'bulk' } }, handler)
if (service.pauses === 'stalls') setInterval(() => burn(200), 5000)
if (service.pauses === 'collections') collectOften()
await app.listen({ port: 0, host: '127.0.0.1' })
const address = app.server.address()
process.send?.(typeof address === 'object' && address !== null ? address.port : 0)
process.on('disconnect', () => process.exit(0))

/** Holds a million objects, and collects all garbage every five seconds. */
function collectOften() {
  setFlagsFromString('--expose-gc')
  const collect = /** @type {() => void} */ (runInNewContext('gc'))
  const held = Array.from({ length: 1e6 }, (_, id) => ({ id, text: `number ${id}` }))
  setInterval(() => {
    collect()
    if (held.length === 0) throw new Error('they are held')
  }, 5000)
}

/** @param {number} milliseconds of work on the event loop */
function burn(milliseconds) {
  const end = performance.now() + milliseconds
  while (performance.now() < end);
}

/**
 * A pool: so many at a time, each for so many milliseconds, the others wait.
 *
 * @param {number} count @param {number} milliseconds
 */
function slots(count, milliseconds) {
  let free = count
  /** @type {(() => void)[]} */
  const waiting = []
  return async () => {
    if (free === 0) await new Promise((resolve) => waiting.push(() => resolve(undefined)))
    else free--
    await wait(milliseconds)
    const next = waiting.shift()
    if (next === undefined) free++
    else next()
  }
}

/** A dependency that becomes so many times slower after five seconds. @param {number} milliseconds @param {number} factor */
function gettingSlower(milliseconds, factor) {
  const slowAt = performance.now() + 5000
  return () => wait(performance.now() < slowAt ? milliseconds : milliseconds * factor)
}
