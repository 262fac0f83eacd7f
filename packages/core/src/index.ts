/**
 * The seam of the Holdfast suite: what its plugins share, and what a third-party plugin needs to
 * join them.
 *
 * @module
 */
export {
  dotted,
  type Groups,
  isIPv4Mapped,
  readAddress,
  withoutPort
} from './addresses/address.ts'
export { AddressList, isNetwork } from './addresses/address-list.ts'
export { clientKey } from './addresses/client-key.ts'
export {
  type AdminAddress,
  type AdminListener,
  type AdminMount,
  DEFAULT_ADMIN_PORT,
  mountAdmin
} from './admin-listener.ts'
export { type CallersCall, listenTo, type SignalEntry } from './caller-signals.ts'
export {
  type Channel,
  type ChannelName,
  type ChannelPayloads,
  channel,
  subscribe
} from './channels.ts'
export { type Clock, monotonicClock } from './clock.ts'
export type { CoreState, RequestTotals } from './core-state.ts'
export { type Deadline, extensionOf, startDeadline } from './deadline.ts'
export { type Duration, parseDuration } from './duration.ts'
export { enlist, type Placement } from './enlist.ts'
export {
  AdminPathTakenError,
  AdminPortTakenError,
  type CodedError,
  type CodedErrorConstructor,
  DecoratorTakenError,
  defineError,
  InvalidOptionError,
  MisplacedRouteOptionError,
  NotAtRootError,
  RegisteredTwiceError,
  UnknownOptionError
} from './errors.ts'
export { type EventLoopDelay, eventLoopDelay, type LoopDelay } from './event-loop-delay.ts'
export type { ClientErrorFact, Refuser, Refusers, RequestFacts } from './facts.ts'
export {
  appendOnSend,
  appendPreHandler,
  furtherServers,
  hasDefaultRequestIds,
  headersOf,
  isHijacked,
  isRoot,
  isRouteByFastify,
  logControllerOf,
  type PreCloseHook,
  routeConfig,
  takePreCloseHooks,
  trustProxyOf
} from './fastify-internals.ts'
export { addFrontHook, hooksBefore, INTAKE } from './front-hooks.ts'
export { contain, guardedCall } from './guard.ts'
export {
  type GuardedLog,
  type GuardedLogMethod,
  guardedLog,
  type LogTarget
} from './guarded-log.ts'
export { type HeadListener, onHead, watchHead } from './head-watch.ts'
export { isTrustedHost } from './host-name.ts'
export { type IntakeListener, intake } from './intake.ts'
export { loopLateness, stopLoopLateness } from './loop-lateness.ts'
export { isPlainPath, pathOf, queryOf, REDACTED, secretPartsOf, withoutSecrets } from './masking.ts'
export { checkOptions } from './option-shape.ts'
export { printable, printableLines } from './printable.ts'
export { problemOf, type Refusal, refuse, refuseWith } from './refuse.ts'
export { keepRemoteAddresses } from './remote-address.ts'
export { reportOnce } from './report.ts'
export {
  type AnyRequest,
  declareFact,
  type Ending,
  factsOf,
  peekFacts,
  type RawRequest,
  type RequestRecord,
  recordOf,
  remaining,
  responseOf,
  routedRequest,
  type SettledListener
} from './request-record.ts'
export { parseRetryAfter } from './retry-after.ts'
export { isInRing, leaveRing, Ring, type RingItem } from './ring.ts'
export { checkHoldfastConfig, type HoldfastRouteConfig } from './route-config.ts'
export { checkRouteOption } from './route-option.ts'
export { hasSemicolonQueries } from './semicolon-queries.ts'
export { isUpgrade, onSettled } from './settle.ts'
export {
  dropIdleDeadlines,
  type Timed,
  unwatchDeadline,
  watchDeadline
} from './shared-deadlines.ts'
export { nameDigest, shortenedName } from './shortened-name.ts'
export {
  type AnyApp,
  type ProvidedStates,
  provideState,
  type ScopedState,
  type StateName,
  type States,
  statesOf
} from './states.ts'
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
