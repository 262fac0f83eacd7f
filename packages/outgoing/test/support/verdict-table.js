/**
 * What can become of a call, and what it must say about the upstream, whatever carries it: a table, and
 * the worlds that it is put through.
 *
 *     node verdict-table.js     prints a line of JSON for each world of the Node that runs it
 */
import { EventEmitter, once } from 'node:events'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'
import { CircuitBreaker } from '@holdfast/circuit-breaker'
import { subscribe } from '@holdfast/core'
import { NOBODY } from '../../dist/caller.js'
import { globalDispatcherFor } from '../../dist/edges/global-dispatcher.js'
import { guardedDispatch } from '../../dist/edges/interceptor.js'
import { Target } from '../../dist/edges/target.js'
import { resolveOutgoingOptions, resolveUpstreamOptions } from '../../dist/options.js'

/**
 * @typedef {{ dispatch(options: any, handler: any): boolean, compose?(interceptor: any): any }} Dispatcher
 * @typedef {(url: string, init: any) => Promise<any>} Fetch
 * @typedef {{ fetch: Fetch, Agent: new () => Dispatcher, request: Function }} Undici
 * @typedef {object} World
 * @property {string} name
 * @property {Fetch} fetch
 * @property {() => Dispatcher} dispatcher
 * @property {'raw' | 'compose'} mode
 * @property {string | undefined} impossible the error of a pair that works with nobody between either
 * @typedef {object} Case
 * @property {string} name
 * @property {(get: (path: string, init?: any) => Promise<any>) => Promise<unknown>} call
 * @property {readonly (string | undefined)[][]} verdicts those that are right: outcome, status, sent, of each try
 * @property {Record<string, unknown>} [options]
 */

const BIG = Buffer.alloc(4 << 20)
const reason = new Error('a reason of the caller')

/** @param {import('node:http').IncomingMessage} request @param {import('node:http').ServerResponse} response */
function answer(request, response) {
  switch (request.url) {
    case '/reset':
      return request.socket.destroy()
    case '/hint-503':
      response.writeEarlyHints({ link: '</style.css>; rel=preload' })
      return response.writeHead(503, { 'retry-after': '7' }).end('busy')
    case '/cut':
      response.writeHead(200, { 'content-length': '1000' }).write('half')
      return setTimeout(() => request.socket.destroy(), 20)
    case '/big':
      return response.end(BIG)
    case '/silent':
      return arrivals.emit('silent')
    case '/stuck':
      return response.writeHead(200).write('first')
    case '/elsewhere':
      return response.writeHead(302, { location: '/200' }).end()
    default:
      response.writeHead(Number(request.url?.slice(1)), { 'retry-after': '7' })
      return response.end('done')
  }
}

/** @param {Promise<unknown>} promise */
const settled = (promise) =>
  promise.then(
    () => {},
    () => {}
  )
/** @param {any} response */
const read = (response) => response.text()

/** @param {(path: string) => Promise<any>} get */
const refused = (get) => settled(get('/200'))

/** An origin where nobody listens. */
async function closedOrigin() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  server.close()
  return `http://127.0.0.1:${port}`
}

/** @type {Case[]} */
export const cases = [
  {
    name: 'a good answer',
    call: (get) => get('/200').then(read),
    verdicts: [['success', '200', 'sent']]
  },
  {
    name: 'an answer for the caller to think about',
    call: (get) => get('/404').then(read),
    verdicts: [['success', '404', 'sent']]
  },
  {
    name: 'a failure',
    call: (get) => get('/500').then(read),
    verdicts: [['failure', '500', 'sent']]
  },
  {
    name: 'a status that speaks of the request',
    call: (get) => get('/501').then(read),
    verdicts: [['excluded', '501', 'sent']]
  },
  {
    name: 'an early hint before a failure',
    call: (get) => get('/hint-503').then(read),
    verdicts: [['failure', '503', 'sent']]
  },
  { name: 'a refused connection', call: refused, verdicts: [['failure', undefined, 'not sent']] },
  {
    name: 'a reset before the head',
    call: (get) => settled(get('/reset')),
    verdicts: [['failure', undefined, 'sent']]
  },
  {
    name: 'a body that is cut',
    call: (get) => settled(get('/cut').then(read)),
    verdicts: [['failure', '200', 'sent']]
  },
  {
    name: 'a small body that nobody reads',
    call: (get) => get('/200'),
    verdicts: [['success', '200', 'sent']]
  },
  {
    name: 'a large body that nobody reads',
    call: (get) => get('/big'),
    verdicts: [['success', '200', 'sent']]
  },
  {
    name: 'a body that the caller cancels',
    call: async (get) => (await get('/big')).body.cancel(),
    verdicts: [['success', '200', 'sent']]
  },
  {
    name: 'a caller who aborts before the head',
    call: (get) => aborted(get, (controller) => controller.abort()),
    verdicts: [['excluded', undefined, 'sent']]
  },
  {
    name: 'a caller who aborts with a reason of its own',
    call: (get) => aborted(get, (controller) => controller.abort(reason)),
    verdicts: [['excluded', undefined, 'sent']]
  },
  {
    name: 'a caller who aborts in the body',
    call: async (get) => {
      const controller = new AbortController()
      const response = await get('/stuck', { signal: controller.signal })
      const body = settled(read(response))
      controller.abort()
      await body
    },
    verdicts: [['success', '200', 'sent']]
  },
  {
    name: 'a caller who has aborted before',
    call: (get) => settled(get('/200', { signal: AbortSignal.abort() })),
    verdicts: [[], ['excluded', undefined, 'not sent'], ['excluded', undefined, 'sent']]
  },
  {
    name: 'a timeout of the caller, as AbortSignal.timeout() has it',
    call: (get) => {
      const timeout = new DOMException('The operation timed out.', 'TimeoutError')
      return aborted(get, (controller) => controller.abort(timeout))
    },
    verdicts: [['failure', undefined, 'sent']]
  },
  {
    name: 'a timeout of ours',
    options: { tryTimeout: 50 },
    call: (get) => settled(get('/silent')),
    verdicts: [
      ['failure', undefined, 'sent'],
      ['failure', undefined, 'not sent']
    ]
  },
  {
    name: 'a redirect, one try for each hop',
    call: (get) => get('/elsewhere').then(read),
    verdicts: [['success', '302', 'sent', 'success', '200', 'sent']]
  }
]

const arrivals = new EventEmitter()

/**
 * A call that is aborted when it has arrived.
 *
 * @param {(path: string, init: any) => Promise<any>} get
 * @param {(controller: AbortController) => void} abort
 */
async function aborted(get, abort) {
  const controller = new AbortController()
  const arrived = once(arrivals, 'silent')
  const call = settled(get('/silent', { signal: controller.signal }))
  await Promise.race([arrived, call])
  abort(controller)
  await call
}

/** Puts a world through the table. Returns what is wrong. @param {World} world @returns {Promise<string[]>} */
export async function mistakesIn(world) {
  const server = createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = /** @type {import('node:net').AddressInfo} */ (server.address())
  const origin = `http://127.0.0.1:${address.port}`
  const mistakes = []
  for (const row of cases) {
    const mistake = await mistakeOf(world, row, origin)
    if (mistake !== undefined) mistakes.push(`${row.name}: ${mistake}`)
  }
  server.closeAllConnections()
  server.close()
  return mistakes
}

/** @param {World} world @param {Case} row @param {string} origin */
async function mistakeOf({ fetch, dispatcher, mode }, row, origin) {
  const given = { origin: row.call === refused ? await closedOrigin() : origin, ...row.options }
  const rules = resolveUpstreamOptions(resolveOutgoingOptions({}).calls, 'table', given)
  const breaker = new CircuitBreaker({ name: 'table', threshold: 100 })
  const target = new Target('table', rules, breaker, 100)
  /** @type {(string | undefined)[]} */
  const seen = []
  const unsubscribe = subscribe('holdfast:outgoing:try', ({ outcome, status, queued }) => {
    seen.push(outcome, status?.toString(), queued === undefined ? 'not sent' : 'sent')
  })
  const inner = dispatcher()
  /** @type {any} */
  const interceptor = (/** @type {any} */ dispatch) =>
    guardedDispatch(target, () => NOBODY, dispatch)
  const guarded =
    mode === 'compose'
      ? inner.compose?.(interceptor)
      : { dispatch: interceptor(inner.dispatch.bind(inner)) }
  let error
  try {
    await row.call((path, init) => fetch(given.origin + path, { ...init, dispatcher: guarded }))
  } catch (caught) {
    error = caught
  }
  for (let turn = 0; turn < 200 && breaker.snapshot().inFlight > 0; turn++) await sleep(10)
  unsubscribe()
  if (error !== undefined) return describe(error)
  const left = breaker.snapshot().inFlight + target.inFlight
  if (left > 0) return `${left} calls are still in flight`
  const isRight = row.verdicts.some((verdict) => verdict.join() === seen.join())
  return isRight ? undefined : `got ${seen.join(' ')}`
}

/** @param {any} error */
function describe(error) {
  return String(error.cause?.message ?? error.message)
}

const require = createRequire(import.meta.url)

/** @type {Record<string, () => Undici>} */
const LIBRARIES = {
  6: () => require('undici-6'),
  7: () => require('undici'),
  8: () => require('undici-8')
}

/** @param {string} version */
function undici(version) {
  try {
    return LIBRARIES[version]?.()
  } catch {
    // undici 8 does not run on Node 20.
    return undefined
  }
}

const BUILT_IN = Number(process.versions.undici?.split('.')[0])

/** Why the built-in fetch cannot use an Agent of that version. @param {string} version */
function impossibleWith(version) {
  if (BUILT_IN < 8 && version === '8') return 'invalid onRequestStart method'
  return BUILT_IN >= 8 && version === '6' ? 'invalid onError method' : undefined
}

/** The worlds of the Node that runs this. @returns {World[]} */
export function worlds() {
  // Looked at, it loads what sets the global dispatcher.
  const builtIn = { fetch: globalThis.fetch, loaded: globalThis.Response }
  const probe = BUILT_IN >= 8 ? { onRequestStart() {} } : {}
  const own = globalDispatcherFor(probe)
  /** @type {Omit<World, 'mode'>[]} */
  const all = [
    { name: 'built-in fetch', fetch: builtIn.fetch, dispatcher: () => own, impossible: undefined }
  ]
  for (const version of ['6', '7', '8']) {
    const lib = undici(version)
    if (lib === undefined) continue
    const dispatcher = () => new lib.Agent()
    const impossible = impossibleWith(version)
    all.push(
      { name: `fetch of undici ${version}`, fetch: lib.fetch, dispatcher, impossible: undefined },
      {
        name: `built-in fetch, Agent of undici ${version}`,
        fetch: builtIn.fetch,
        dispatcher,
        impossible
      }
    )
  }
  return all.flatMap((world) => [
    { ...world, mode: /** @type {const} */ ('raw') },
    { ...world, mode: /** @type {const} */ ('compose') }
  ])
}

if (process.argv[1]?.endsWith('verdict-table.js')) {
  for (const world of worlds()) {
    const { name, mode, impossible } = world
    console.log(JSON.stringify({ name, mode, impossible, mistakes: await mistakesIn(world) }))
  }
}
