/**
 * The console for Fastify: a live page of what the Holdfast plugins of a process do. Read-only.
 *
 * @module
 */
export { PageMissingError } from './errors.ts'
export type {
  ConsoleAddress,
  ConsoleOptions,
  ConsoleRequestHook,
  ListeningConsole,
  MountedConsole,
  OtherConsole
} from './options.ts'
export { holdfastConsole, holdfastConsole as default } from './plugin.ts'
export type {
  BreakerPart,
  ChangePart,
  CheckPart,
  DurationPart,
  LifePart,
  LimitPart,
  LogPart,
  PolicyPart,
  ProcessPart,
  RequestsPart,
  RoutePart,
  SheddingPart,
  Snapshot,
  StorePart,
  TablePart,
  UpstreamPart
} from './snapshot.ts'
export type { ConsoleView } from './view.ts'
