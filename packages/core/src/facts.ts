/**
 * The facts of a request: what the plugins found out and decided about it, each written once by
 * the plugin that decided, and read by the others.
 */

/**
 * The plugins that can refuse a request, by name. A plugin that refuses adds its own:
 *
 * ```ts
 * declare module '@holdfast/core' {
 *   interface Refusers { 'rate-limit': true }
 * }
 * ```
 */
// biome-ignore lint/suspicious/noEmptyInterface: filled by the plugins through declaration merging
export interface Refusers {}

/** The name of a plugin that can refuse a request. */
export type Refuser = keyof Refusers & string

/** The parser's complaint about the rest of a request whose head was good. */
export interface ClientErrorFact {
  /** The code of Node's error, `HPE_INVALID_CHUNK_SIZE` for example. */
  readonly code: string
  /** The status that Fastify's default handler answers it with: 400, 408 or 431. */
  readonly statusCode: number
}

/**
 * The facts of one request. A plugin adds its own by declaration merging, optional and named after
 * itself, and names it once at load with `declareFact()`:
 *
 * ```ts
 * declare module '@holdfast/core' {
 *   interface RequestFacts { rateLimit?: RateLimitFact | undefined }
 * }
 * declareFact('rateLimit')
 * ```
 *
 * A plugin that reads the fact of another one does not import it. It says in an interface of its own
 * what it reads, and assigns the facts to it. A program that holds both plugins checks that they agree:
 *
 * ```ts
 * interface ReadFacts {
 *   readonly startedAt: number
 *   readonly rateLimit?: { readonly policy: string } | undefined
 * }
 * const facts: ReadFacts = factsOf(request)
 * ```
 */
export interface RequestFacts {
  /** When the request was taken in, by the monotonic clock, in milliseconds. */
  startedAt: number
  /**
   * When the answer stops being of use, by the monotonic clock, in milliseconds; `undefined` where no end
   * is set. In an app that takes its requests in, the end of Fastify's `handlerTimeout`, from the first
   * hook on. Plugins may only lower it.
   */
  deadline?: number | undefined
  /** Which try of its caller the request is, from 2 on; `undefined` for the first, and where unknown. */
  attempt?: number | undefined
  /** `true` where the request asks after the service itself: limiter, shedder and log leave it alone. */
  probe?: true | undefined
  /** The plugin that refused the request; `undefined` when none did. */
  refusedBy?: Refuser | undefined
  /** The parser's complaint; `undefined` when it had none. */
  clientError?: ClientErrorFact | undefined
}
