/**
 * The events of the suite, published on `node:diagnostics_channel`, for metrics, traces and tests. A
 * plugin declares its channels by merging them into {@link ChannelPayloads}.
 */
import diagnosticsChannel from 'node:diagnostics_channel'
import { contain } from './guard.ts'
import { reportOnce } from './report.ts'

/**
 * Every channel of the suite and the payload it carries. Plugins add theirs:
 *
 * ```ts
 * declare module '@holdfast/core' {
 *   interface ChannelPayloads { 'holdfast:rate-limit:denied': RateLimitDenied }
 * }
 * ```
 */
// biome-ignore lint/suspicious/noEmptyInterface: filled by the plugins through declaration merging
export interface ChannelPayloads {}

/** The name of a channel: `holdfast:<package>:<event>`. */
export type ChannelName = keyof ChannelPayloads & string

/** A typed view of a diagnostics channel. Build the payload only behind `hasSubscribers`. */
export interface Channel<Payload> {
  readonly hasSubscribers: boolean
  publish(payload: Payload): void
}

/**
 * Returns the channel of that name. Keep it in a module variable: channels nobody holds may be
 * collected, and their subscribers with them.
 */
export function channel<Name extends ChannelName>(name: Name): Channel<ChannelPayloads[Name]> {
  return diagnosticsChannel.channel(name)
}

/**
 * Calls `listener` with everything published on a channel, until the returned function is called.
 * Unlike a raw subscription, which Node turns into an uncaught exception, a listener that throws, or
 * returns a promise that rejects, is reported once as a process warning and harms nothing.
 */
export function subscribe<Name extends ChannelName>(
  name: Name,
  listener: (payload: ChannelPayloads[Name]) => void
): () => void {
  const where = `a listener of the channel ${name}`
  const contained = (payload: unknown): void => {
    try {
      // What is published under a name has the type declared for it.
      contain(listener(payload as ChannelPayloads[Name]), listener, where)
    } catch (error) {
      reportOnce(listener, where, error)
    }
  }
  diagnosticsChannel.subscribe(name, contained)
  return () => {
    diagnosticsChannel.unsubscribe(name, contained)
  }
}
