/**
 * Scripts under other versions of Node, which npm brings.
 */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** The versions of Node that the packages are for, by their major number. */
export const NODES = [20, 22, 24, 26]

/** Runs a script to its end and returns what it has written, line by line. */
export async function linesOf(node: number, script: string): Promise<string[]> {
  const { stdout } = await run('npx', ['--yes', `node@${node}`, script], { encoding: 'utf8' })
  return stdout.trim().split('\n')
}
