/**
 * What a user writes, what it defaults to, and the checks that name a mistake.
 */
import {
  check,
  checkOptions,
  describe,
  InvalidOptionError,
  type OptionCheck,
  type OptionShape
} from '@holdfast/core/options'
import type { FastifyInstance, onRequestHookHandler } from 'fastify'
import { FOREIGN_NAMES } from './foreign-names.ts'

/** Where the console listens. */
export interface ConsoleAddress {
  /** An address of this machine. Not the loopback one: then whoever reaches the port sees the page. @default '127.0.0.1' */
  readonly host?: string | undefined
  /** 0 for any that is free. In a worker of node:cluster its id is added. @default 9464 */
  readonly port?: number | undefined
}

/** A hook that lets in who may look, or several in their order. */
export type ConsoleRequestHook = onRequestHookHandler | readonly onRequestHookHandler[]

interface SharedOptions {
  /**
   * Host names, without a port, under which the page may be asked for, besides addresses and `localhost`.
   * Requests that name another one are answered with 421.
   *
   * @default []
   */
  readonly hosts?: readonly string[] | undefined
  /**
   * Origins (`'https://ops.example'`) whose pages may read this process, and whose processes this page may read,
   * besides those of loopback addresses.
   *
   * @default []
   */
  readonly origins?: readonly string[] | undefined
}

/** The console on a listener of its own, which it shares with the metrics of @holdfast/telemetry. */
export interface ListeningConsole extends SharedOptions {
  /** @default 127.0.0.1, port 9464 */
  readonly listen?: ConsoleAddress | undefined
  readonly prefix?: never
  readonly onRequest?: undefined
  readonly of?: undefined
}

/** The console on the app itself, behind a hook. */
export interface MountedConsole extends SharedOptions {
  /** Where the page is: `'/ops'`. */
  readonly prefix: string
  /** The hook that lets in who may look. Without it the whole world would. */
  readonly onRequest: ConsoleRequestHook
  readonly listen?: undefined
  readonly of?: undefined
}

/** The console of another app of this process, on an app that only operators reach. */
export interface OtherConsole extends SharedOptions {
  /** The app whose plugins the page shows. */
  readonly of: FastifyInstance
  /** Where the page is. @default '/' */
  readonly prefix?: string
  /** @default none */
  readonly onRequest?: ConsoleRequestHook | undefined
  readonly listen?: undefined
}

/** The options of the plugin: one of three ways to reach the page. */
export type ConsoleOptions = ListeningConsole | MountedConsole | OtherConsole

const hostName: OptionCheck = (value, option) => {
  if (typeof value === 'string' && value !== '' && !/[/:[\]\s*]/.test(value)) return
  throw new InvalidOptionError(
    option,
    'the name of a host, without a scheme and a port',
    describe(value)
  )
}

const origin: OptionCheck = (value, option) => {
  if (typeof value === 'string' && URL.canParse(value) && new URL(value).origin === value) return
  throw new InvalidOptionError(
    option,
    'an origin, as "https://ops.example" with neither a path nor a slash at its end',
    describe(value)
  )
}

const prefix: OptionCheck = (value, option) => {
  if (typeof value === 'string' && /^(?:\/[\w.~-]+)+$/.test(value)) return
  throw new InvalidOptionError(option, 'a path as "/ops"', describe(value))
}

const fastifyApp: OptionCheck = (value, option) => {
  if (typeof value === 'object' && value !== null && 'server' in value && 'addHook' in value) return
  throw new InvalidOptionError(option, 'an app of Fastify', describe(value))
}

const SHAPE: OptionShape = {
  listen: check.shape({ host: check.text, port: check.integer({ min: 0, max: 65_535 }) }),
  prefix,
  onRequest: check.either('a function, or an array of them', check.func, check.listOf(check.func)),
  of: fastifyApp,
  hosts: check.listOf(hostName),
  origins: check.listOf(origin)
}

/** The options with their defaults. */
export interface ResolvedOptions {
  /** Where it listens; `undefined` where it is mounted. */
  readonly listen: ConsoleAddress | undefined
  /** Without a slash at its end: empty for the root. */
  readonly prefix: string
  readonly onRequest: readonly onRequestHookHandler[]
  /** The app that is shown; `undefined` for the one that the plugin is registered on. */
  readonly of: FastifyInstance | undefined
  readonly hosts: readonly string[]
  readonly origins: readonly string[]
}

/**
 * @param app the instance that the plugin is registered on
 * @throws UnknownOptionError, InvalidOptionError
 */
export function resolveOptions(app: FastifyInstance, given: ConsoleOptions): ResolvedOptions {
  checkOptions('holdfastConsole', given, SHAPE, FOREIGN_NAMES)
  const { of, listen, prefix: path = '', onRequest = [], hosts = [], origins = [] } = given
  const hooks = typeof onRequest === 'function' ? [onRequest] : onRequest
  const isMounted = of !== undefined || path !== ''
  if (listen !== undefined && isMounted) {
    throw new InvalidOptionError(
      'holdfastConsole.listen',
      'left out where prefix or of is given: the page is in one place',
      describe(listen)
    )
  }
  if (of !== undefined && of.server === app.server) {
    throw new InvalidOptionError(
      'holdfastConsole.of',
      'another app than the one that has the plugin. To have the page on the same app, write prefix and onRequest',
      'that app'
    )
  }
  if (of === undefined && (path !== '') !== hooks.length > 0) {
    throw new InvalidOptionError(
      `holdfastConsole.${path === '' ? 'prefix' : 'onRequest'}`,
      path === ''
        ? 'given with onRequest, which guards the page on the app'
        : 'a hook that lets in who may look: the page would be open to everybody who reaches the app. Without an own hook, leave prefix out: then the page is on 127.0.0.1:9464',
      'missing'
    )
  }
  return {
    listen: isMounted ? undefined : (listen ?? {}),
    prefix: path,
    onRequest: hooks,
    of,
    hosts,
    origins
  }
}
