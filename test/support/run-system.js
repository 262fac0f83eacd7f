/**
 * The test command for what needs Debian packages or takes long: builds, sees to the programs, runs `test/system`.
 *
 *     node test/support/run-system.js
 *
 * A test whose program is missing is left out, which is said in a sentence. With REQUIRE_SYSTEM=1 the program
 * is installed if that is possible, and it is a failure if not.
 */
import { spawnSync } from 'node:child_process'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CHROMIUM, findProgram, installPackage } from './programs.js'

/** Each test of `test/system`, and what it needs. */
const needs = [
  { test: 'rolling-restart', program: 'HAProxy', names: ['haproxy'] },
  { test: 'browser', program: 'Chromium', names: CHROMIUM },
  { test: 'console', program: 'Chromium', names: CHROMIUM },
  { test: 'verdicts', program: 'npx', names: ['npx'] },
  { test: 'proxies', program: 'npx', names: ['npx'] },
  { test: 'open-telemetry', program: 'npx', names: ['npx'] },
  { test: 'prometheus', program: 'Prometheus', names: ['prometheus'] },
  { test: 'long-signal', program: 'Node', names: ['node'] },
  { test: 'mixed-calls', program: 'Node', names: ['node'] }
]

process.exitCode = main()

/** @returns {number} The exit code. */
function main() {
  const required = process.env.REQUIRE_SYSTEM === '1'
  const tests = []
  for (const { test, program, names } of needs) {
    const [name = ''] = names
    if (required && findProgram(...names) === undefined) {
      installPackage(name, `${program} is required and missing`)
    }
    if (findProgram(...names) !== undefined) tests.push(`test/system/${test}.test.ts`)
    else console.log(`${test} was left out because ${program} is missing: apt-get install ${name}`)
  }
  if (required && tests.length < needs.length) return 1
  if (tests.length === 0) return 0
  const built = run('tsc', ['-b'])
  return built === 0 ? run('tap', ['--disable-coverage', ...tests]) : built
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
