import { AddressList, isNetwork } from '@holdfast/core'
import { check, describe, InvalidOptionError, type OptionCheck } from '@holdfast/core/options'
import { DEFAULT_ID_PATTERN } from './request-id.ts'

/** The header in which ids come in, and which of them are accepted. */
export interface IncomingIdOptions {
  readonly name: string
  /**
   * What an id must look like. In any case it has at most 128 characters, all of them visible
   * ASCII.
   *
   * @default /^[\w.~:/+=@-]+$/
   */
  readonly pattern?: RegExp | undefined
  /**
   * Addresses and CIDR ranges of the callers whose ids are accepted. A caller is the peer of the
   * connection, a proxy for example.
   *
   * @default all callers
   */
  readonly trust?: readonly string[] | undefined
}

/** Where ids of requests come from. */
export interface RequestIdOptions {
  /** The header whose id is used when it is acceptable; `false`: none. @default false */
  readonly header?: string | IncomingIdOptions | false | undefined
  /**
   * The id of a request otherwise: a UUID of version 7, or the id of its trace. A trace is begun
   * when none came in.
   *
   * @default 'uuidv7'
   */
  readonly generate?: 'uuidv7' | 'trace-id' | undefined
  /**
   * The header in which the id goes back to the client: a name, or `true` for the name in `header`,
   * and without one `x-request-id`.
   *
   * @default false
   */
  readonly echo?: boolean | string | undefined
}

/** {@link RequestIdOptions}, ready for use. */
export interface ResolvedRequestIdOptions {
  /** Whether the user set the option: then it replaces what Fastify was told. */
  readonly explicit: boolean
  readonly incoming: IncomingId | undefined
  readonly generate: 'uuidv7' | 'trace-id'
  readonly echo: string | undefined
}

/** {@link IncomingIdOptions}, ready for use. */
export interface IncomingId {
  /** Lower case. */
  readonly name: string
  readonly pattern: RegExp
  /** `undefined`: ids of all callers are accepted. */
  readonly trusted: AddressList | undefined
}

const HEADER_NAME = /^[\w!#$%&'*+.^`|~-]+$/

const headerName: OptionCheck = (value, option) => {
  if (typeof value !== 'string' || !HEADER_NAME.test(value)) {
    throw new InvalidOptionError(option, 'the name of a header', describe(value))
  }
}

const pattern: OptionCheck = (value, option) => {
  if (!(value instanceof RegExp)) {
    throw new InvalidOptionError(option, 'a regular expression', describe(value))
  }
}

const network: OptionCheck = (value, option) => {
  check.text(value, option)
  if (!isNetwork(String(value))) {
    throw new InvalidOptionError(option, 'an address or a CIDR range', describe(value))
  }
}

const incoming = check.shape({ name: headerName, pattern, trust: check.listOf(network) })

const header: OptionCheck = (value, option) => {
  // Not `either`: the error should name the member that is wrong.
  if (value === false) return
  if (typeof value !== 'object' || value === null) {
    headerName(value, option)
    return
  }
  incoming(value, option)
  headerName((value as IncomingIdOptions).name, `${option}.name`)
}

const members = check.shape({
  header,
  generate: check.oneOf('uuidv7', 'trace-id'),
  echo: check.either('true, false or the name of a header', check.boolean, headerName)
})

/** Checks the option `requestId`. */
export const checkRequestIdOptions: OptionCheck = (value, option) => {
  if (value !== false) members(value, option)
}

/** Makes checked options ready for use. */
export function resolveRequestIdOptions(
  given: RequestIdOptions | undefined
): ResolvedRequestIdOptions {
  const { header = false, generate = 'uuidv7', echo = false } = given ?? {}
  const incoming = header === false ? undefined : incomingOf(header)
  return {
    explicit: given !== undefined,
    incoming,
    generate,
    echo: echo === true ? (incoming?.name ?? 'x-request-id') : echo === false ? undefined : echo
  }
}

function incomingOf(header: string | IncomingIdOptions): IncomingId {
  const { name, pattern, trust }: IncomingIdOptions =
    typeof header === 'string' ? { name: header } : header
  return {
    name: name.toLowerCase(),
    pattern: pattern === undefined ? DEFAULT_ID_PATTERN : stateless(pattern),
    trusted: trust && new AddressList(trust)
  }
}

/** With `g` or `y` a regular expression remembers where the last match ended. */
function stateless({ source, flags }: RegExp): RegExp {
  return new RegExp(source, flags.replace(/[gy]/g, ''))
}
