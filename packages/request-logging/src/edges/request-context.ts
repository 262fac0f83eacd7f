/**
 * Keeps the async context of requests for their lines, which are written in another one: a client
 * leaves in the context of its connection, where a mixin finds nothing in its AsyncLocalStorage. An
 * answer ends in the context of whatever wrote it: a body that is piped from a pooled connection, in
 * that of the request which opened the connection.
 */
import { AsyncResource } from 'node:async_hooks'
import { appendPreHandler, routeConfig } from '@holdfast/core'
import type { FastifyInstance, FastifyRequest, HookHandlerDoneFunction } from 'fastify'
import { logRecordOf } from './log-record.ts'

/**
 * Notes the context of each request when it arrives, when its body is read, and just before its
 * handler: hooks of the application enter theirs between.
 */
export function keepContexts(app: FastifyInstance): void {
  const followed = new WeakSet<object>()

  app.addHook('onRequest', function holdfastRequestLoggingContext(request, _reply, done) {
    keepContext(request)
    const config = routeConfig(request)
    if (!followed.has(config)) {
      followed.add(config)
      appendPreHandler(request, beforeHandler)
    }
    done()
  })
  app.addHook(
    'preParsing',
    function holdfastRequestLoggingContext(request, _reply, _payload, done) {
      keepContext(request)
      done()
    }
  )
}

function beforeHandler(
  request: FastifyRequest,
  _reply: unknown,
  done: HookHandlerDoneFunction
): void {
  keepContext(request)
  done()
}

function keepContext({ raw }: FastifyRequest): void {
  logRecordOf(raw).context = new AsyncResource('HOLDFAST_REQUEST_LOG')
}
