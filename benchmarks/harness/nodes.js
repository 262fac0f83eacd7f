/**
 * Which Node runs a variant, and on which core.
 */
import { spawnSync } from 'node:child_process'
import { availableParallelism } from 'node:os'

const pins = availableParallelism() > 1 && spawnSync('taskset', ['--version']).status === 0

/** Whether server and load can be kept on cores of their own. */
export const canPin = pins

/**
 * The command that runs Node on one core, where the system can pin.
 *
 * @param {number} [core]
 * @param {string} [node] path of another Node
 * @returns {string[]}
 */
export function nodeCommand(core = 0, node = process.execPath) {
  return pins ? ['taskset', '-c', String(core), node] : [node]
}

/**
 * A Node of another major version, from the npm package `node`; `undefined` when it cannot be had.
 *
 * @param {number} major
 * @returns {string | undefined}
 */
export function nodeOfMajor(major) {
  if (process.versions.node.startsWith(`${major}.`)) return process.execPath
  const print = 'process.stdout.write(process.execPath)'
  const { status, stdout } = spawnSync(
    'npx',
    ['--yes', '-p', `node@${major}`, 'node', '-e', print],
    {
      encoding: 'utf8'
    }
  )
  return status === 0 ? stdout : undefined
}
