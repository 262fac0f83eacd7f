/**
 * What the plugins of an app know, in one place to read it: metrics, a console or a health check ask
 * here, and import none of them. A plugin declares its state by merging it into {@link States}.
 */
import type { FastifyInstance } from 'fastify'
import type { CoreState } from './core-state.ts'
import { rootOf } from './fastify-internals.ts'
import { guardedCall } from './guard.ts'
import { reportOnce } from './report.ts'

/**
 * The state that each plugin provides, by the plugin's npm name. Plugins add theirs:
 *
 * ```ts
 * declare module '@holdfast/core' {
 *   interface States { '@holdfast/circuit-breaker': CircuitBreakerState }
 * }
 * ```
 *
 * A plugin that reads the state of another one does not import it. It says in an interface of its own
 * what it reads, and assigns the states to it. A program that holds both plugins checks that they agree:
 *
 * ```ts
 * interface ReadStates {
 *   readonly '@holdfast/circuit-breaker'?: readonly ScopedState<{ readonly open: number }>[]
 * }
 * const states: ReadStates = statesOf(app)
 * ```
 */
export interface States {
  /** There as soon as a plugin takes requests in. */
  '@holdfast/core': CoreState
}

/** The npm name of a plugin that provides a state. */
export type StateName = keyof States & string

/** The state of one registration of a plugin. */
export interface ScopedState<State> {
  /** The prefix of the scope in which the plugin is registered; empty at the root. */
  readonly prefix: string
  /** What it knew when it was asked. */
  readonly state: State
}

/** The states of an app by the names of their plugins; of one plugin in the order of registration. */
export type ProvidedStates = {
  readonly [Name in StateName]?: readonly ScopedState<States[Name]>[]
}

/** An app of Fastify, or a scope of it, whatever its server and its types. */
export type AnyApp = Pick<FastifyInstance, 'prefix' | 'version'>

interface Provider {
  readonly name: string
  readonly prefix: string
  readonly read: () => unknown
}

// Registered, so that two copies of this package in one process share the states of an app.
const PROVIDERS = Symbol.for('holdfast.state-providers')

type Root = object & { [PROVIDERS]?: Set<Provider> }

/**
 * Provides the state of a plugin until the app closes. Call it while the app boots, once for each
 * registration: a scope that has its own gives a state of its own.
 *
 * @param app the instance that the plugin is registered on
 * @param name the plugin's npm name, as it is declared in {@link States}
 * @param read makes the state, plain data that JSON can hold, whenever somebody asks. It must be
 * synchronous and quick. Where it throws, or returns no object, that is reported once, and the state
 * is left out
 */
export function provideState<Name extends StateName>(
  app: FastifyInstance,
  name: Name,
  read: () => States[Name]
): void {
  const root: Root = rootOf(app)
  const providers = root[PROVIDERS] ?? new Set()
  root[PROVIDERS] = providers
  const provider = { name, prefix: app.prefix, read }
  // First: it throws when the app has booted.
  app.addHook('onClose', async () => {
    providers.delete(provider)
  })
  providers.add(provider)
}

/**
 * Reads what the plugins of an app know: all of them, in all its scopes, or the one of that name.
 * Nothing is read before, and nothing is kept. A plugin that is not registered has no member in what
 * is returned, or an empty list. After the app has closed there is nothing to read.
 *
 * @param app any instance of the app, before or after it is ready
 */
export function statesOf(app: AnyApp): ProvidedStates
export function statesOf<Name extends StateName>(
  app: AnyApp,
  name: Name
): readonly ScopedState<States[Name]>[]
export function statesOf(
  app: AnyApp,
  name?: string
): ProvidedStates | readonly ScopedState<unknown>[] {
  const root: Root = rootOf(app as FastifyInstance)
  const byName = new Map<string, ScopedState<unknown>[]>()
  for (const provider of root[PROVIDERS] ?? []) {
    if (name !== undefined && name !== provider.name) continue
    const state = readState(provider)
    if (state === undefined) continue
    const states = byName.get(provider.name) ?? []
    byName.set(provider.name, states)
    states.push({ prefix: provider.prefix, state })
  }
  return name === undefined ? Object.fromEntries(byName) : (byName.get(name) ?? [])
}

function readState({ name, read }: Provider): object | undefined {
  const where = `the state of ${name}`
  const state = guardedCall(read, where)
  if (typeof state === 'object' && state !== null) return state
  reportOnce(read, where, 'It must be an object.')
  return undefined
}
