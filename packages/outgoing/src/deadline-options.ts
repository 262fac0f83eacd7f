/**
 * What a user writes about the time that requests and calls have: what is told to upstreams, and what is
 * believed of callers.
 */
import {
  check,
  describe,
  InvalidOptionError,
  type OptionCheck,
  type OptionShape
} from '@holdfast/core/options'
import type { FastifyRequest } from 'fastify'
import { ENVOY_TIMEOUT, KNOWN_TIMEOUTS } from './deadline-header.ts'

/** What upstreams are told about the time that a call has. */
export interface WrittenDeadlineOption {
  /**
   * Whether each try tells its upstream for how many milliseconds the answer is waited for: 5 less than
   * that, and at least 1. Of a header that the call has already the shorter time is sent.
   *
   * @default true
   */
  readonly write?: boolean | undefined
  /**
   * The header that it is told in, or several. `grpc-timeout` is written as gRPC does, `'995m'`; all
   * others hold whole milliseconds.
   *
   * @default 'x-envoy-expected-rq-timeout-ms'
   */
  readonly header?: string | readonly string[] | undefined
}

/** The option `deadline` of the plugin. */
export interface DeadlineOption extends WrittenDeadlineOption {
  /**
   * Whether callers that are trusted may shorten the time of their requests, in
   * `x-envoy-expected-rq-timeout-ms`, `grpc-timeout`, `connect-timeout-ms` or a header named here: from 1
   * to 86,400,000 ms from the arrival of the request on, the shortest of several. Everything else is
   * ignored, and nobody can lengthen it.
   *
   * @default false
   */
  readonly read?: boolean | undefined
  /**
   * Which callers are believed: all, none, or those for which a function returns `true`, synchronously.
   * Their `x-envoy-attempt-count` is read, too: calls for a request that is a retry itself are not
   * tried again. The address of a caller proves nothing where a proxy hands on what it was sent.
   *
   * @default false
   */
  readonly trust?: boolean | ((request: FastifyRequest) => boolean) | undefined
}

/** What upstreams are told, complete. */
export interface WrittenDeadline {
  readonly write: boolean
  /** In lower case. */
  readonly header: readonly string[]
}

/** What is believed of callers, complete. */
export interface TrustedCallers {
  /** The headers that a time is read from, in lower case; none where it is not read. */
  readonly read: readonly string[]
  readonly trust: boolean | ((request: FastifyRequest) => boolean)
}

const NAME = /^[\w!#$%&'*+.^`|~-]+$/
const name: OptionCheck = (value, option) => {
  if (typeof value !== 'string' || !NAME.test(value)) {
    throw new InvalidOptionError(option, 'the name of a header', describe(value))
  }
}
const names: OptionCheck = (value, option) => {
  if (!Array.isArray(value)) return name(value, option)
  if (value.length === 0) {
    throw new InvalidOptionError(option, 'a list of at least one header', 'an empty array')
  }
  check.listOf(name)(value, option)
}

const WRITTEN_SHAPE: OptionShape = { write: check.boolean, header: names }
const OF_THE_PLUGIN =
  'It is about requests, whichever upstream they call: write it into the options of the plugin.'

/** The check of an upstream's option `deadline`. */
export const writtenCheck: OptionCheck = check.shape(WRITTEN_SHAPE, {
  read: OF_THE_PLUGIN,
  trust: OF_THE_PLUGIN
})

const SHAPE: OptionShape = {
  ...WRITTEN_SHAPE,
  read: check.boolean,
  trust: check.either('true, false or a function', check.boolean, check.func)
}

/** The check of the plugin's option `deadline`. */
export const deadlineCheck: OptionCheck = (value, option) => {
  check.shape(SHAPE)(value, option)
  const { read = false, trust = false } = value as DeadlineOption
  if (read && trust === false) {
    throw new InvalidOptionError(
      `${option}.read`,
      `false, or stand beside ${option}.trust, which says whose time is believed`,
      'true'
    )
  }
}

const DEFAULT: WrittenDeadline = { write: true, header: [ENVOY_TIMEOUT] }

/** Lays what was given over what holds otherwise. */
export function resolveWritten(
  { write, header }: WrittenDeadlineOption,
  base: WrittenDeadline = DEFAULT
): WrittenDeadline {
  return {
    write: write ?? base.write,
    header: header === undefined ? base.header : inLowerCase(header)
  }
}

/** Says what is believed of callers. */
export function resolveTrust({
  read = false,
  trust = false,
  header
}: DeadlineOption): TrustedCallers {
  const known = new Set([...KNOWN_TIMEOUTS, ...inLowerCase(header ?? [])])
  return { read: read ? [...known] : [], trust }
}

function inLowerCase(header: string | readonly string[]): readonly string[] {
  return [...new Set([header].flat().map((name) => name.toLowerCase()))]
}
