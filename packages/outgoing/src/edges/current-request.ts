/**
 * The request that the running code works for, where the option `context` asks for it.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { type Caller, NOBODY } from '../caller.ts'
import { callerOf } from './request-caller.ts'

const storage = new AsyncLocalStorage<FastifyRequest>()
let users = 0

/** Returns the request that the running code works for as a caller; outside of any, nobody. */
export function currentCaller(): Caller {
  const request = storage.getStore()
  return request === undefined ? NOBODY : callerOf(request)
}

/** Keeps the request of all code that runs for one, until the app closes. */
export function keepCurrentRequest(app: FastifyInstance): void {
  users++
  app.addHook('onRequest', function holdfastCurrentRequest(request, _reply, done) {
    storage.run(request, done)
  })
  // A hook may have gone on in the context of a connection that requests share.
  app.addHook('preValidation', function holdfastCurrentRequestAgain(request, _reply, done) {
    storage.run(request, done)
  })
  app.addHook('onClose', async () => {
    users--
    // On Node 20 and 22 a storage in use makes every promise of the process slower.
    if (users === 0) storage.disable()
  })
}
