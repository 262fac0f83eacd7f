/**
 * Ends of a process that no signal announces: a worker of `node:cluster` is told to disconnect or
 * loses its primary, somebody closes the server, or the event loop has nothing left to do.
 */
import cluster from 'node:cluster'
import { allMembers, isShuttingDown, mayExit, shutDownAll, shutDownBeforeExit } from './apps.ts'
import { listen } from './process-listeners.ts'

/** How often the servers are looked at, in milliseconds: nothing tells when one stops listening. */
const INTERVAL = 250

let timer: NodeJS.Timeout | undefined

/** Starts to watch for such ends. It keeps no process alive. */
export function watchOtherEnds(): void {
  if (timer !== undefined) return
  timer = setInterval(lookAtServers, INTERVAL).unref()
  listen('beforeExit', onBeforeExit)
  cluster.worker?.on('disconnect', onDisconnect)
}

/** Stops to watch. */
export function unwatchOtherEnds(): void {
  clearInterval(timer)
  timer = undefined
  cluster.worker?.off('disconnect', onDisconnect)
}

function lookAtServers(): void {
  if (isShuttingDown()) return
  for (const member of allMembers()) {
    if (!member.watched || !member.lostServer) continue
    if (cluster.worker?.exitedAfterDisconnect) {
      shutDownAll({ reason: 'worker.disconnect()' }, mayExit())
      return
    }
    // Somebody in the process closed the server. The process may go on.
    void member.shutDown({ reason: 'the server was closed' })
  }
}

function onDisconnect(): void {
  const { worker } = cluster
  const primaryDied = worker?.exitedAfterDisconnect !== true
  // Node would exit at once, in the midst of requests, when the primary is gone.
  if (worker !== undefined) worker.exitedAfterDisconnect = true
  const reason = primaryDied ? 'the primary of the cluster is gone' : 'worker.disconnect()'
  if (!isShuttingDown()) shutDownAll({ reason }, mayExit())
}

/** The event loop is empty. An app that still boots would only hold the end up. */
function onBeforeExit(): void {
  if (allMembers().some(({ watched, booted }) => watched && booted)) {
    void shutDownBeforeExit({ reason: 'beforeExit' })
  }
}
