/**
 * Real child processes for tests: started, listened to, signalled, and gone at the end.
 */
import { type ChildProcess, spawn } from 'node:child_process'

/** A Node process under test. */
export interface RunningProcess {
  readonly child: ChildProcess
  /** Everything printed so far, standard output and standard error together. */
  output(): string
  /** Resolves with the first match in what was printed; rejects when the process ends without it. */
  printed(pattern: RegExp): Promise<RegExpExecArray>
  /** Every line of the output that is JSON, parsed. */
  lines(): Record<string, unknown>[]
  signal(signal: NodeJS.Signals): void
  /** Resolves when the process is gone. */
  exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
}

/** How a process under test is started. */
export interface StartOptions {
  env?: NodeJS.ProcessEnv
  cwd?: string
  /** Keeps the test runner's hooks into Node, so that what the process runs counts as covered. */
  coverage?: boolean
  /** Makes it the leader of a process group of its own, as a terminal does. */
  group?: boolean
}

/** Starts `node <args>`. Hand `t.teardown` the `stop` of the result. */
export function startNode(
  args: readonly string[],
  options: StartOptions = {}
): RunningProcess & { stop(): Promise<void> } {
  // A test runner's own hooks into Node do not belong into the process under test, and it puts them
  // into the environment of every process that is spawned: only a program in between takes them out.
  const [command, ...prefix]: [string, ...string[]] =
    options.coverage === true ? [process.execPath] : ['env', '-u', 'NODE_OPTIONS', process.execPath]
  const child = spawn(command, [...prefix, ...args], {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: options.group === true
  })
  let text = ''
  const watchers = new Set<() => void>()
  let ended = false
  const tellAll = (): void => {
    for (const watcher of watchers) watcher()
  }
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8')
    stream.on('data', (chunk) => {
      text += chunk
      tellAll()
    })
  }
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('close', (code, signal) => {
      ended = true
      resolve({ code, signal })
      tellAll()
    })
  })
  return {
    child,
    exited,
    output: () => text,
    printed: (pattern) =>
      new Promise((resolve, reject) => {
        const watcher = (): void => {
          const match = pattern.exec(text)
          if (match !== null) resolve(match)
          else if (ended) reject(new Error(`the process ended without ${pattern}:\n${text}`))
          else return
          watchers.delete(watcher)
        }
        watchers.add(watcher)
        watcher()
      }),
    lines: () =>
      text.split('\n').flatMap((line) => {
        try {
          return [JSON.parse(line) as Record<string, unknown>]
        } catch {
          return []
        }
      }),
    signal: (signal) => {
      child.kill(signal)
    },
    stop: async () => {
      if (!ended) child.kill('SIGKILL')
      await exited
    }
  }
}
