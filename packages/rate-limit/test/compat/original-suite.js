/**
 * Fetches @fastify/rate-limit from npm and runs its own tests against `@holdfast/rate-limit/compat`.
 *
 *     node packages/rate-limit/test/compat/original-suite.js redis://127.0.0.1:6379
 *
 * The Redis is emptied. The tests are not changed except for the module they load and the Redis they use.
 */
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runQuietly } from '../../../../test/support/pack.js'

const VERSION = '11.2.0'

const require = createRequire(import.meta.url)

/** Why nothing was run. */
export class OutOfReachError extends Error {}

/**
 * @typedef {object} Outcome
 * @property {number} passed
 * @property {number} failed
 * @property {number} skipped
 * @property {string} output The whole TAP stream.
 */

/**
 * Runs the suite to its end.
 *
 * @param {number} redisPort Of a Redis on 127.0.0.1 that nobody else uses.
 * @returns {Promise<Outcome>} Rejects with an {@link OutOfReachError} when npm cannot be reached.
 */
export async function runOriginalSuite(redisPort) {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-original-'))
  try {
    const tests = await fetchTests(folder)
    await layBeneath(folder, tests)
    for (const test of tests) await redirect(test, redisPort)
    const { stdout } = await runTests(tests, folder)
    const count = (/** @type {string} */ what) =>
      Number(new RegExp(`^# ${what} (\\d+)$`, 'm').exec(stdout)?.[1])
    return {
      passed: count('pass'),
      failed: count('fail') + count('cancelled'),
      skipped: count('skipped'),
      output: stdout
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** @param {string} folder @returns {Promise<string[]>} The test files. */
async function fetchTests(folder) {
  const name = `@fastify/rate-limit@${VERSION}`
  const patience = ['--prefer-offline', '--fetch-retries=1', '--fetch-retry-mintimeout=1000']
  const pack = ['pack', name, '--json', ...patience, '--pack-destination', folder]
  const { stdout } = await runQuietly('npm', pack, folder).catch((cause) => {
    throw new OutOfReachError(`${name} cannot be fetched from npm`, { cause })
  })
  const [{ filename }] = JSON.parse(stdout)
  await runQuietly('tar', ['-xzf', filename], folder)
  const all = await readdir(join(folder, 'package', 'test'), { recursive: true })
  return all
    .filter((file) => file.endsWith('.test.js'))
    .map((file) => join(folder, 'package', 'test', file))
}

/** Puts what the tests load where they look for it. @param {string} folder @param {string[]} tests */
async function layBeneath(folder, tests) {
  const modules = join(folder, 'node_modules')
  await mkdir(modules)
  for (const name of ['fastify', 'ioredis']) {
    await symlink(dirname(require.resolve(`${name}/package.json`)), join(modules, name))
  }
  const [first = ''] = tests
  if (first === '') throw new Error('The package has no tests')
}

/** @param {string} file @param {number} redisPort */
async function redirect(file, redisPort) {
  const compat = JSON.stringify(require.resolve('@holdfast/rate-limit/compat'))
  const source = await readFile(file, 'utf8')
  const redirected = source
    .replaceAll(/require\('(\.\.\/)+index'\)/g, `require(${compat})`)
    .replaceAll('{ host: REDIS_HOST }', `{ host: '127.0.0.1', port: ${redisPort} }`)
  if (!redirected.includes(compat) || /\{ host: REDIS_HOST/.test(redirected)) {
    throw new Error(`${file} loads its module, or finds Redis, in a way not known here`)
  }
  await writeFile(file, redirected)
}

/** Its exit code says no more than its output. @param {string[]} tests @param {string} folder */
async function runTests(tests, folder) {
  // A test that would never end is one that failed.
  const args = ['--no-warnings', '--test', '--test-reporter=tap', '--test-timeout=60000', ...tests]
  return runQuietly(process.execPath, args, folder).catch((error) => error.cause)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { output, failed } = await runOriginalSuite(Number(new URL(process.argv[2] ?? '').port))
  console.log(output)
  process.exitCode = failed === 0 ? 0 : 1
}
