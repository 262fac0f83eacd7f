/**
 * Guards the calls that a Fastify service makes to others.
 *
 * @module
 */
export type { OutgoingRetry, OutgoingTry, RequestExpired } from './channels.ts'
export type { DeadlineOption, WrittenDeadlineOption } from './deadline-options.ts'
export type { FetchInit } from './edges/fetch-call.ts'
export type { RetryContext, RetryPolicy } from './edges/retry-policy.ts'
export type { RequestUpstream, Upstream } from './edges/upstream.ts'
export {
  CallDeadlineError,
  ClientLeftError,
  ForeignPathError,
  RequestExpiredError,
  TryTimeoutError,
  UpstreamClosedError,
  UpstreamFullError
} from './errors.ts'
export type { OutgoingFact, UpstreamCost } from './fact.ts'
export type {
  BudgetOption,
  CallOptions,
  DispatcherLike,
  HedgeOption,
  OutgoingOptions,
  UpstreamOptions
} from './options.ts'
export { type Outgoing, outgoing, outgoing as default } from './plugin.ts'
export type { NoRetryReason } from './retry-rules.ts'
export type { GlobalFetchState, OutgoingState, UpstreamSnapshot } from './state.ts'
export type { StopReason, TryOutcome } from './verdict.ts'
