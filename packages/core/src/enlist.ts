/**
 * Which plugin is registered where, and in which order. Nothing here runs for a request.
 */
import type { FastifyInstance } from 'fastify'
import { DecoratorTakenError, NotAtRootError, RegisteredTwiceError } from './errors.ts'
import { isRoot, requestHooksOf } from './fastify-internals.ts'
import { guardedLog } from './guarded-log.ts'
import { warnOfLateHeaders } from './late-headers.ts'
import { checkHoldfastConfig } from './route-config.ts'
import { checkRouteOption } from './route-option.ts'

/** The place that a plugin needs among the others. */
export interface Placement {
  /** The names of the plugins that requests must meet before this one, where both are registered. @default [] */
  readonly after?: readonly string[] | undefined
  /** Only the root instance will do. @default false */
  readonly root?: boolean | undefined
  /**
   * The plugin puts a hook in front of all others, see `addFrontHook()`. Where a version of Fastify
   * does not let it, the boot warns. @default false
   */
  readonly first?: boolean | undefined
  /**
   * The plugin refuses requests: the boot warns of plugins behind it whose header fields its refusals
   * would lack. @default false
   */
  readonly refuses?: boolean | undefined
  /** The names of the decorators that the plugin adds to the instance. @default [] */
  readonly decorators?: readonly string[] | undefined
  /**
   * What to do instead of registering the plugin twice on one instance, a sentence.
   * @default a scope may have a registration of its own
   */
  readonly twice?: string | undefined
}

const A_SCOPE_MAY = 'A scope made with app.register() may have its own.'

interface Enlisted {
  readonly app: FastifyInstance
  readonly name: string
  readonly after: readonly string[]
}

const enlistedOn = new WeakMap<FastifyInstance, Set<string>>()
const enlistedBefore = new WeakMap<object, Enlisted[]>()

/**
 * Enters a plugin in the list of its app. Call it before the plugin adds its hooks. When the app is
 * ready, a plugin that stands behind one it should precede is named in a warning, with the remedy.
 *
 * From then on `config.holdfast` of every route declared in the plugin's reach is checked, and its name.
 *
 * @param name the plugin's npm name, which others give in `after`
 * @throws RegisteredTwiceError when the same instance has the plugin already
 * @throws DecoratorTakenError when another plugin has decorated the same instance with one of the names
 * @throws NotAtRootError when the plugin works at the root only and this is a scope
 */
export function enlist(app: FastifyInstance, name: string, placement: Placement = {}): void {
  const { after = [], root = false, first = false, refuses = false } = placement
  const { decorators = [], twice = A_SCOPE_MAY } = placement
  if (root && !isRoot(app)) throw new NotAtRootError(name, app.pluginName)
  const here = enlistedOn.get(app) ?? new Set()
  if (here.has(name)) throw new RegisteredTwiceError(name, twice)
  // A scope may have its own in place of those that it inherits.
  const taken = decorators.find((decorator) => Object.hasOwn(app, decorator))
  if (taken !== undefined) throw new DecoratorTakenError(name, taken)
  enlistedOn.set(app, here.add(name))

  app.addHook('onRoute', function holdfastRouteConfig(route) {
    checkRouteOption(route, 'holdfast')
    checkHoldfastConfig(route.config, route.method, route.url)
  })

  const before = enlistedBefore.get(app.server) ?? []
  enlistedBefore.set(app.server, before)
  const late = before.find((other) => other.after.includes(name) && meet(other.app, app))
  before.push({ app, name, after })
  const isBlind = first && requestHooksOf(app) === undefined

  const log = guardedLog(app.log)
  if (refuses) warnOfLateHeaders(app, name, log)
  app.addHook('onReady', async () => {
    if (late !== undefined) {
      log.warn(
        `${name} is registered after ${late.name}: requests meet ${late.name} first. Move app.register() of ${name} above it.`
      )
    }
    if (isBlind) {
      log.warn(
        `${name} cannot put its hook in front of the others in this version of Fastify. Move app.register() of ${name} above every onRequest hook.`
      )
    }
  })
}

/** Whether one request can pass the hooks of both: one is the other, or a scope within it. */
function meet(one: FastifyInstance, other: FastifyInstance): boolean {
  return one === other || isScopeOf(one, other) || isScopeOf(other, one)
}

function isScopeOf(scope: FastifyInstance, app: FastifyInstance): boolean {
  return Object.prototype.isPrototypeOf.call(app, scope)
}
