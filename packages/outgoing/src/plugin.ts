/**
 * Wires outgoing calls into Fastify: the decorators, and the end of what is on its way.
 */
import {
  addFrontHook,
  declareFact,
  dropIdleDeadlines,
  enlist,
  guardedLog,
  intake,
  provideState
} from '@holdfast/core'
import type { FastifyInstance, FastifyPluginCallback } from 'fastify'
import fp from 'fastify-plugin'
import { NOBODY } from './caller.ts'
import type { TrustedCallers } from './deadline-options.ts'
import { currentCaller, keepCurrentRequest } from './edges/current-request.ts'
import { GlobalFetch } from './edges/global-fetch.ts'
import { readCaller, refuseExpired } from './edges/incoming.ts'
import type { ReplyFromClient } from './edges/reply-from.ts'
import type { Upstream } from './edges/upstream.ts'
import { Upstreams } from './edges/upstreams.ts'
import { type OutgoingOptions, resolveOutgoingOptions, type UpstreamOptions } from './options.ts'
import type { UpstreamSnapshot } from './state.ts'

/** The outgoing calls of an app, for its operators. */
export interface Outgoing {
  /** Every upstream at this moment. */
  snapshots(): UpstreamSnapshot[]
  /** Options for `app.register(replyFrom, ...)` of `@fastify/reply-from`, for all upstreams. */
  readonly replyFrom: { readonly undici: ReplyFromClient }
  /**
   * Guards `fetch` itself, for the whole process: requests to the origin of an upstream are single
   * tries, whoever makes them; others pass untouched. Calls reach it that take the global dispatcher:
   * those of `fetch`, and of `fetch()` and `request()` of any undici.
   *
   * On Node 20 and 22, import undici 8 before: loaded later, it replaces the guard. That is looked for
   * when the app is ready and by `snapshots()`, and warned of.
   *
   * @returns takes the guard away when it is disposed of; so does the end of the app
   */
  install(): Disposable
}

declare module 'fastify' {
  interface FastifyInstance<RawServer, RawRequest, RawReply, Logger, TypeProvider> {
    /**
     * Returns the upstream of that name, and declares it when there is none. Options are laid over the
     * plugin's; for a name that exists they must be the same as before, or be left out.
     */
    upstream(name: string, options?: UpstreamOptions): Upstream
    /** All upstreams. */
    readonly outgoing: Outgoing
  }
}

const TWICE =
  'Upstreams with options of their own are declared by app.upstream(name, options); a scope made with app.register() may have its own registration. Where holdfast is registered, give it the options as outgoing.'

declareFact('outgoing')

function plugin(
  app: FastifyInstance,
  options: OutgoingOptions,
  done: (error?: Error) => void
): void {
  try {
    wire(app, options)
    done()
  } catch (error) {
    // Thrown, it would end the process instead of the boot.
    done(error as Error)
  }
}

function wire(app: FastifyInstance, options: OutgoingOptions): void {
  enlist(app, '@holdfast/outgoing', {
    after: ['@holdfast/lifecycle'],
    decorators: ['upstream', 'outgoing'],
    refuses: true,
    twice: TWICE
  })
  const { calls, callers, context } = resolveOutgoingOptions(options)
  const isExplicit = context === 'explicit'
  watchDeadlines(app, callers)
  if (!isExplicit) keepCurrentRequest(app)
  const upstreams = new Upstreams(app, calls, isExplicit ? () => NOBODY : currentCaller)
  const globalFetch = new GlobalFetch(
    upstreams.targetOf,
    upstreams.currentCaller,
    guardedLog(app.log)
  )
  const outgoing: Outgoing = {
    snapshots: () => {
      globalFetch.check()
      return upstreams.snapshots()
    },
    install: () => globalFetch.install(),
    replyFrom: { undici: upstreams.client }
  }
  app.decorate('upstream', (name: string, given?: UpstreamOptions) => upstreams.open(name, given))
  app.decorate('outgoing', outgoing)
  provideState(app, '@holdfast/outgoing', () => ({
    upstreams: upstreams.snapshots(),
    globalFetch: globalFetch.state
  }))
  app.addHook('onReady', async () => globalFetch.check())
  app.addHook('onClose', async () => {
    globalFetch.release()
    upstreams.close()
    dropIdleDeadlines()
  })
}

/** Learns of each request how long its answer is waited for, and refuses it when that is over. */
function watchDeadlines(app: FastifyInstance, callers: TrustedCallers): void {
  intake(app)
  if (callers.trust !== false) {
    addFrontHook(app, '@holdfast/outgoing', function holdfastCaller(request, _reply, done) {
      readCaller(request, callers)
      done()
    })
  }
  app.addHook('onRequest', function holdfastExpired(request, reply, done) {
    refuseExpired(request, reply, done)
  })
  // Again: a body may have been long under way.
  app.addHook('preHandler', function holdfastExpiredMeanwhile(request, reply, done) {
    refuseExpired(request, reply, done)
  })
}

/**
 * Calls to others for Fastify: `app.upstream(name, { origin })` declares an upstream, and
 * `upstream.for(request).fetch(path)` calls it.
 */
export const outgoing: FastifyPluginCallback<OutgoingOptions> = fp(plugin, {
  name: '@holdfast/outgoing',
  fastify: '5.x'
})
