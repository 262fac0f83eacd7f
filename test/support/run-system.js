/**
 * The test command for what needs Debian packages: builds, sees to HAProxy, runs `test/system`.
 *
 *     node test/support/run-system.js
 *
 * Without HAProxy there is nothing to run, which is said in a sentence. With REQUIRE_SYSTEM=1 it is
 * installed if that is possible, and a failure if not.
 */
import { spawnSync } from 'node:child_process'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findProgram, installPackage } from './programs.js'

process.exitCode = main()

/** @returns {number} The exit code. */
function main() {
  const required = process.env.REQUIRE_SYSTEM === '1'
  if (required && findProgram('haproxy') === undefined) {
    installPackage('haproxy', 'HAProxy is required and missing')
  }
  if (findProgram('haproxy') === undefined) {
    console.log('The system tests were skipped because HAProxy is missing: apt-get install haproxy')
    return required ? 1 : 0
  }
  const built = run('tsc', ['-b'])
  return built === 0 ? run('tap', ['--disable-coverage', 'test/system']) : built
}

/** @param {string} command @param {string[]} args @returns {number} The exit code. */
function run(command, args) {
  const root = fileURLToPath(new URL('../..', import.meta.url))
  const PATH = join(root, 'node_modules', '.bin') + delimiter + (process.env.PATH ?? '')
  const { status } = spawnSync(command, args, {
    cwd: root,
    env: { ...process.env, PATH },
    stdio: 'inherit'
  })
  return status ?? 1
}
