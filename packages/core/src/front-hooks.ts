/**
 * Hooks that run before all others, wherever their plugin is registered: those of the application
 * may stand in any order, and may answer.
 */
import type { FastifyInstance, onRequestHookHandler } from 'fastify'
import { requestHooksOf, scopesOf } from './fastify-internals.ts'

// Registered, so that two copies of this package in one process know each other's.
const PURPOSE: unique symbol = Symbol.for('holdfast.front-hook')

/** The purpose of the hook that takes requests in: it stands before the other hooks in front, too. */
export const INTAKE = 'intake'

/**
 * Adds an `onRequest` hook in front of all others, on the instance and in all of its scopes. Where
 * several stand in front, they run in the order in which they were added. Where a version of Fastify
 * keeps its hooks elsewhere, the hook stands where `addHook()` puts it.
 *
 * @param purpose names the hook for {@link hooksBefore}
 */
export function addFrontHook(
  app: FastifyInstance,
  purpose: string,
  hook: onRequestHookHandler
): void {
  Object.defineProperty(hook, PURPOSE, { value: purpose })
  app.addHook('onRequest', hook)
  // Fastify adds it when whatever was registered before has loaded.
  app.after(() => moveToFront(app, hook))
}

function moveToFront(app: FastifyInstance, hook: onRequestHookHandler): void {
  const hooks = requestHooksOf(app)
  if (hooks === undefined) return
  const others = hooks.filter((other) => other !== hook)
  const inFront =
    purposeOf(hook) === INTAKE ? [] : others.filter((other) => purposeOf(other) !== undefined)
  const behind = others.filter((other) => !inFront.includes(other))
  hooks.splice(0, hooks.length, ...inFront, hook, ...behind)
  for (const scope of scopesOf(app)) moveToFront(scope, hook)
}

/**
 * The names of the `onRequest` hooks that were added to an instance so far, for people to read.
 * Empty when there are none, or unknown.
 *
 * @param except the purposes of hooks in front that are left out
 */
export function hooksBefore(app: FastifyInstance, except: readonly string[]): string[] {
  const hooks = requestHooksOf(app) ?? []
  return hooks
    .filter((hook) => !except.includes(purposeOf(hook) ?? ''))
    .map((hook) => hook.name || '(anonymous)')
}

function purposeOf(hook: onRequestHookHandler): string | undefined {
  return (hook as { readonly [PURPOSE]?: string })[PURPOSE]
}
