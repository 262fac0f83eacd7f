/**
 * Checked by `tsc -b`, never run: what the types promise.
 */
import type { IncomingMessage } from 'node:http'
import type { Http2SecureServer } from 'node:http2'
import {
  type Channel,
  type ChannelName,
  channel,
  type Duration,
  defineError,
  factsOf,
  type ProvidedStates,
  parseDuration,
  peekFacts,
  provideState,
  type RequestFacts,
  remaining,
  routeConfig,
  type ScopedState,
  statesOf,
  subscribe
} from '@holdfast/core'
import { expectTypeOf } from 'expect-type'
import type { FastifyInstance, FastifyRequest, RouteGenericInterface } from 'fastify'
import type { TenantFact } from './tenants.ts'

interface Opened {
  readonly name: string
}

declare module '@holdfast/core' {
  interface ChannelPayloads {
    'holdfast:types:opened': Opened
  }
  interface States {
    'acme-types': Opened
  }
}

declare module 'fastify' {
  interface FastifyContextConfig {
    typesCheck?: { readonly max: number }
  }
}

// A channel carries what was declared for its name, and an unknown name is no channel.
expectTypeOf(channel('holdfast:types:opened')).toEqualTypeOf<Channel<Opened>>()
expectTypeOf<'holdfast:types:opened'>().toExtend<ChannelName>()
expectTypeOf(
  subscribe('holdfast:types:opened', (payload) => {
    expectTypeOf(payload).toEqualTypeOf<Opened>()
  })
).toEqualTypeOf<() => void>()
// @ts-expect-error no such channel
subscribe('holdfast:types:closed', () => {})
// @ts-expect-error a payload of another shape
channel('holdfast:types:opened').publish({ title: 'payments' })

// Facts belong to both kinds of request, and third parties add to them.
declare const request: FastifyRequest
declare const raw: IncomingMessage
expectTypeOf(factsOf(request)).toEqualTypeOf<RequestFacts>()
expectTypeOf(factsOf(raw)).toEqualTypeOf<RequestFacts>()
expectTypeOf(factsOf(raw).tenant).toEqualTypeOf<TenantFact | undefined>()
expectTypeOf(remaining(request)).toEqualTypeOf<number>()
expectTypeOf(remaining(raw)).toEqualTypeOf<number>()
// Whatever the server, and whatever the types of the app.
declare const http2: FastifyRequest<RouteGenericInterface, Http2SecureServer>
declare const typed: FastifyRequest<{ Body: { readonly name: string } }>
expectTypeOf(factsOf(http2)).toEqualTypeOf<RequestFacts>()
expectTypeOf(factsOf(http2.raw)).toEqualTypeOf<RequestFacts>()
expectTypeOf(factsOf(typed)).toEqualTypeOf<RequestFacts>()
expectTypeOf(peekFacts(http2)).toEqualTypeOf<RequestFacts | undefined>()
expectTypeOf(remaining(http2)).toEqualTypeOf<number>()
// @ts-expect-error no plugin of that name refuses
factsOf(raw).refusedBy = 'tenant'

// A state has the type that was declared for its plugin, and is not there without the plugin.
declare const app: FastifyInstance
expectTypeOf(statesOf(app)).toEqualTypeOf<ProvidedStates>()
expectTypeOf(statesOf(app)['acme-types']).toEqualTypeOf<
  readonly ScopedState<Opened>[] | undefined
>()
expectTypeOf(statesOf(app, 'acme-types')).toEqualTypeOf<readonly ScopedState<Opened>[]>()
provideState(app, 'acme-types', () => ({ name: 'payments' }))
declare const http2App: FastifyInstance<Http2SecureServer>
expectTypeOf(statesOf(http2App)).toEqualTypeOf<ProvidedStates>()
// @ts-expect-error no such plugin
statesOf(app, 'acme-nobody')
// @ts-expect-error a state of another shape
provideState(app, 'acme-types', () => ({ title: 'payments' }))

// A route's config is typed by what the plugins declare.
expectTypeOf(routeConfig(request).typesCheck).toEqualTypeOf<{ readonly max: number } | undefined>()

expectTypeOf<Duration>().toEqualTypeOf<number | string>()
expectTypeOf(parseDuration('1s', 'after')).toEqualTypeOf<number>()

// An error made by defineError knows its code.
const TooBusyError = defineError('TEST_ERR_TOO_BUSY', 'Busy for %s seconds', 429)
expectTypeOf(new TooBusyError(7).code).toEqualTypeOf<'TEST_ERR_TOO_BUSY'>()
expectTypeOf(new TooBusyError(7).statusCode).toEqualTypeOf<number>()
expectTypeOf(new TooBusyError(7)).toExtend<Error>()
