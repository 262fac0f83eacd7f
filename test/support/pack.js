/**
 * Packs the packages as they would be published.
 */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

export const root = fileURLToPath(new URL('../..', import.meta.url))

const execute = promisify(execFile)

/**
 * Writes a tarball of every package into a folder. pnpm does it, because only pnpm knows what
 * `workspace:` and `catalog:` stand for.
 *
 * @param {string} folder
 * @returns {Promise<{ name: string, filename: string }[]>}
 */
export async function packAll(folder) {
  const { packageManager } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
  const pack = ['-r', '--filter', './packages/*', 'pack', '--json', '--pack-destination', folder]
  const { stdout } = await runQuietly('npx', ['--yes', packageManager, ...pack], root)
  return JSON.parse(stdout.slice(stdout.indexOf('[')))
}

/**
 * Runs a program to its end and keeps what it prints; rejects with all of it if it fails.
 *
 * @param {string} program
 * @param {string[]} args
 * @param {string} cwd
 */
export async function runQuietly(program, args, cwd) {
  // tap puts loaders of its own into the NODE_OPTIONS of every process that a test starts.
  const clean = ['-u', 'NODE_OPTIONS', program, ...args]
  try {
    return await execute('env', clean, { cwd, maxBuffer: 2 ** 26 })
  } catch (error) {
    const { stdout, stderr } = /** @type {{ stdout?: string, stderr?: string }} */ (error)
    throw new Error(`${program} ${args.join(' ')} failed:\n${stdout ?? ''}${stderr ?? ''}`, {
      cause: error
    })
  }
}
