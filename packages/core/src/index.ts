/**
 * The seam of the Holdfast suite: what its plugins share, and what a third-party plugin needs to
 * join them.
 *
 * @module
 */
export {
  type Channel,
  type ChannelName,
  type ChannelPayloads,
  channel,
  subscribe
} from './channels.ts'
export { type Clock, monotonicClock } from './clock.ts'
export { type Duration, describe, parseDuration } from './duration.ts'
export { enlist, type Place, type PluginName } from './enlist.ts'
export {
  type CodedError,
  type CodedErrorConstructor,
  defineError,
  InvalidOptionError,
  NotAtRootError,
  RegisteredTwiceError,
  UnknownOptionError
} from './errors.ts'
export { type EventLoopDelay, eventLoopDelay } from './event-loop-delay.ts'
export {
  type BreakerFact,
  type ClientErrorFact,
  factsOf,
  type HoldfastRouteConfig,
  type LifecycleFact,
  type RateLimitFact,
  type Refuser,
  type RequestFacts,
  remaining,
  routedRequest,
  type SheddingFact
} from './facts.ts'
export {
  appendOnSend,
  appendPreHandler,
  furtherServers,
  hasDefaultRequestIds,
  headersOf,
  hookNames,
  isHijacked,
  isRoot,
  logControllerOf,
  routeConfig,
  trustProxyOf
} from './fastify-internals.ts'
export { type IntakeListener, intake } from './intake.ts'
export {
  boolean,
  checkOptions,
  duration,
  either,
  func,
  integer,
  listOf,
  number,
  type OptionCheck,
  type OptionShape,
  object,
  oneOf,
  type Range,
  shapeOf,
  text
} from './option-checks.ts'
export { problemOf, type Refusal, refuse, refuseWith } from './refuse.ts'
export { reportOnce } from './report.ts'
export { checkHoldfastConfig } from './route-config.ts'
export { type Ending, onSettled, type SettledListener } from './settle.ts'
export {
  beginTrace,
  flagsText,
  parseTraceparent,
  setTrace,
  type TraceContext,
  type TraceHeaders,
  type TraceParent,
  traceHeaders,
  traceOf
} from './trace-context.ts'
