/**
 * Programs of this machine that tests need and npm does not bring.
 */
import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** The names that Chromium has; the first is its Debian package. */
export const CHROMIUM = ['chromium', 'chromium-browser', 'google-chrome']

/**
 * The path of the first of these programs that the PATH holds, or undefined.
 *
 * @param {...string} names
 */
export function findProgram(...names) {
  for (const name of names) {
    for (const folder of (process.env.PATH ?? '').split(delimiter)) {
      const program = join(folder, name)
      try {
        accessSync(program, constants.X_OK)
        return program
      } catch {
        // Not in this folder.
      }
    }
  }
  return undefined
}

/**
 * Installs a Debian package. Says what it does, and why not if it cannot.
 *
 * @param {string} name
 * @param {string} why the beginning of the sentence
 */
export function installPackage(name, why) {
  if (process.getuid?.() !== 0) {
    console.log(`${why}, and only root can install it.`)
    return
  }
  console.log(`${why}: apt-get install ${name}`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  for (const args of [
    ['update', '-qq'],
    ['install', '-y', '-qq', '--no-install-recommends', name]
  ]) {
    const { error, status, stdout, stderr } = spawnSync('apt-get', args, { env, encoding: 'utf8' })
    if (status === 0) continue
    console.log(`apt-get ${args[0]} failed: ${error?.message ?? `${stdout}${stderr}`}`)
    return
  }
}
