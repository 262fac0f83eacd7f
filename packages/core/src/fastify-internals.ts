/**
 * The only file that touches what Fastify keeps private. Everything here answers "unknown"
 * (`undefined`, or an empty list) when a version of Fastify keeps it elsewhere, and its callers do
 * without.
 */
import type { Server } from 'node:http'
import type {
  FastifyContextConfig,
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  onRequestHookHandler,
  onSendHookHandler,
  preHandlerHookHandler
} from 'fastify'

interface RouteContext {
  readonly config?: FastifyContextConfig
  readonly handlerTimeout?: number | undefined
  readonly errorHandler?: object
  preHandler?: preHandlerHookHandler[] | null
  onSend?: onSendHookHandler[] | null
}

/** Finds a value under an own symbol with this description: each copy of Fastify has its own. */
function privateOf(holder: object, description: string): unknown {
  for (const symbol of Object.getOwnPropertySymbols(holder)) {
    if (symbol.description === description) return Reflect.get(holder, symbol)
  }
  return undefined
}

let contextSymbol: symbol | undefined

/** The route a request was matched to. The symbol is remembered: this runs for every request. */
function contextOf(request: FastifyRequest): RouteContext | undefined {
  const holder = request as object as { [key: symbol]: unknown }
  if (contextSymbol !== undefined) {
    const context = holder[contextSymbol]
    if (context !== undefined) return context as RouteContext
  }
  contextSymbol = Object.getOwnPropertySymbols(request).find(
    (symbol) => symbol.description === 'fastify.context'
  )
  return contextSymbol && (holder[contextSymbol] as RouteContext)
}

/**
 * The `config` of the request's route, the same object for every request of that route. Much
 * cheaper than `request.routeOptions`, which builds a new object each time.
 */
export function routeConfig(
  request: FastifyRequest
): FastifyContextConfig & { url?: string; method?: string | string[] } {
  return contextOf(request)?.config ?? request.routeOptions.config
}

/**
 * How long the request's handler may take by Fastify's `handlerTimeout`, of the route or of the server,
 * in milliseconds; 0 for no limit. Much cheaper than `request.routeOptions`.
 */
export function handlerTimeoutOf(request: FastifyRequest): number {
  return (contextOf(request) ?? request.routeOptions).handlerTimeout ?? 0
}

/**
 * Whether Fastify itself made the route of a request: the HEAD route beside a GET route. `undefined`:
 * unknown.
 */
export function isRouteByFastify(request: FastifyRequest): boolean | undefined {
  const context = contextOf(request)
  const isByFastify = context && privateOf(context, 'fastify.routeByFastify')
  return typeof isByFastify === 'boolean' ? isByFastify : undefined
}

/**
 * Whether errors of this reply go to a handler that the user set, on the route or on a scope.
 * `undefined`: unknown.
 */
export function hasUserErrorHandler(reply: FastifyReply): boolean | undefined {
  const handler = contextOf(reply.request)?.errorHandler
  // Fastify derives every user's handler from its parent's; only its own stands on nothing.
  return handler && Object.getPrototypeOf(handler) !== Object.prototype
}

let headersSymbol: symbol | undefined

/**
 * The header fields of a reply, by their names in lower case, to be written to directly: much cheaper
 * than a call of `reply.header()` for each. `undefined`: unknown.
 */
export function headersOf(reply: FastifyReply): Record<string, unknown> | undefined {
  const holder = reply as object as { [key: symbol]: unknown }
  if (headersSymbol === undefined || holder[headersSymbol] === undefined) {
    headersSymbol = Object.getOwnPropertySymbols(reply).find(
      (symbol) => symbol.description === 'fastify.reply.headers'
    )
  }
  return headersSymbol && (holder[headersSymbol] as Record<string, unknown>)
}

/** The app's `trustProxy` option. `undefined` when it was not given, or unknown. */
export function trustProxyOf(app: FastifyInstance): unknown {
  const options = privateOf(rootOf(app), 'fastify.options')
  return options instanceof Object ? Reflect.get(options, 'trustProxy') : undefined
}

let hijack: FastifyReply['hijack'] | undefined
let hijackedSymbol: symbol | undefined

/**
 * Whether the reply was taken out of Fastify's hands with `reply.hijack()`. `undefined`: unknown.
 */
export function isHijacked(reply: FastifyReply): boolean | undefined {
  if (hijack === undefined || hijack !== reply.hijack) {
    hijack = reply.hijack
    hijackedSymbol = markOf(hijack)
  }
  // Not Reflect.get(), which looks through all prototypes of every reply each time.
  return hijackedSymbol && (reply as object as { [key: symbol]: unknown })[hijackedSymbol] === true
}

/**
 * The symbol with which Fastify marks a hijacked reply. No other reply has it: looking for it on
 * each would never end, so it is seen once, on a stand-in.
 */
function markOf(hijack: FastifyReply['hijack']): symbol | undefined {
  const standIn = { request: { raw: {} } }
  try {
    Reflect.apply(hijack, standIn, [])
  } catch {
    return undefined
  }
  return Object.getOwnPropertySymbols(standIn).find(
    (symbol) => symbol.description === 'fastify.reply.hijacked'
  )
}

/**
 * The app's log controller, which writes Fastify's own request lines since 5.10. `undefined`:
 * unknown, or an older version.
 */
export function logControllerOf(app: FastifyInstance): object | undefined {
  const controller = privateOf(rootOf(app), 'fastify.logController')
  return controller instanceof Object ? controller : undefined
}

/**
 * Whether the app numbers its requests as Fastify does by default, `req-1`, `req-2`. `false` when it
 * was given a `genReqId` or a `requestIdHeader`, and when a version of Fastify keeps it elsewhere.
 */
export function hasDefaultRequestIds(app: FastifyInstance): boolean {
  const { initialConfig } = app
  if (initialConfig === undefined || initialConfig.requestIdHeader) return false
  // An app that certainly has them. Bundlers change names, but in the same way for both apps.
  const standIn: FastifyInstance = Object.create(app)
  standIn.setGenReqId(undefined as never)
  return String(Reflect.get(standIn, 'genReqId')) === String(Reflect.get(app, 'genReqId'))
}

/**
 * Puts a hook behind all others that run before the handler of the request's route, for requests
 * that have not come that far: the only way to be last on a route that was declared earlier.
 * Returns whether it could.
 */
export function appendPreHandler(request: FastifyRequest, hook: preHandlerHookHandler): boolean {
  const context = contextOf(request)
  if (context?.preHandler === undefined) return false
  // A new list: requests on their way through the old one keep it.
  context.preHandler = [...(context.preHandler ?? []), hook]
  return true
}

/** As {@link appendPreHandler}, for what runs before an answer is sent. */
export function appendOnSend(request: FastifyRequest, hook: onSendHookHandler): boolean {
  const context = contextOf(request)
  if (context?.onSend === undefined) return false
  context.onSend = [...(context.onSend ?? []), hook]
  return true
}

/** The second and further servers that `listen({ host: 'localhost' })` opens. */
export function furtherServers(app: FastifyInstance): Server[] {
  const servers = privateOf(rootOf(app), 'fastify.serverBindings')
  return Array.isArray(servers) ? servers : []
}

/**
 * The list of the functions hooked to `onRequest` on this instance, in the order in which they run.
 * `undefined`: unknown.
 */
export function requestHooksOf(app: FastifyInstance): onRequestHookHandler[] | undefined {
  const hooks = privateOf(app, 'fastify.hooks')
  const functions: unknown = hooks && Reflect.get(hooks, 'onRequest')
  return Array.isArray(functions) ? functions : undefined
}

/** The scopes that were made directly within this instance. Empty when there are none, or unknown. */
export function scopesOf(app: FastifyInstance): FastifyInstance[] {
  const children = privateOf(app, 'fastify.children')
  return Array.isArray(children) ? children : []
}

/** A `preClose` hook that was taken out of Fastify's list. */
export interface PreCloseHook {
  /** The name of its function. */
  readonly name: string
  /** Calls it on its instance. Rejects where the hook throws, rejects or gives an error to `done`. */
  run(): Promise<void>
}

/**
 * Takes the `preClose` hooks of an app and its scopes out of Fastify's lists, so that Fastify does
 * not run them, and returns them in the order in which it would. Empty where a version of Fastify
 * keeps them elsewhere: then they stay.
 */
export function takePreCloseHooks(app: FastifyInstance): PreCloseHook[] {
  const hooks = privateOf(app, 'fastify.hooks')
  const functions: unknown = hooks && Reflect.get(hooks, 'preClose')
  if (!Array.isArray(functions)) return []
  const own = functions.splice(0).map((hook) => ({
    name: hook.name || '(anonymous)',
    run: () => callHook(app, hook)
  }))
  return [...own, ...scopesOf(app).flatMap(takePreCloseHooks)]
}

/** As Fastify calls it: a hook that takes an argument is given `done`. */
async function callHook(app: FastifyInstance, hook: (done?: unknown) => unknown): Promise<void> {
  if (hook.length !== 1) {
    await Reflect.apply(hook, app, [])
    return
  }
  await new Promise<void>((resolve, reject) => {
    Reflect.apply(hook, app, [(error?: unknown) => (error ? reject(error) : resolve())])
  })
}

/** The instance that everything else was derived from. */
export function rootOf(app: FastifyInstance): FastifyInstance {
  let instance: object = app
  for (;;) {
    const parent: unknown = Object.getPrototypeOf(instance)
    // Scopes are made with Object.create(parent); the root is a plain object.
    if (parent === Object.prototype || parent === null) return instance as FastifyInstance
    instance = parent as object
  }
}

/** Whether this is the instance that `Fastify()` returned, not a scope of it. */
export function isRoot(app: FastifyInstance): boolean {
  return rootOf(app) === app
}
