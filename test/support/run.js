/**
 * The test command: builds, sees to a Redis, runs tap, and closes with the count of tests.
 *
 *     node test/support/run.js [test files or folders]
 *
 * With paths, coverage is shown but not demanded. With REQUIRE_REDIS=1 a missing Redis is installed
 * if that is possible, and a skipped Redis test is a failure.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createReadStream, readdirSync, statSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { findRedisProgram, installRedis, noPrivateRedis, noRedis } from './redis-program.js'
import { TapReport } from './tap-report.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const env = {
  ...process.env,
  PATH: join(root, 'node_modules', '.bin') + delimiter + (process.env.PATH ?? '')
}

process.exitCode = await main(process.argv.slice(2))

/** @param {string[]} paths @returns {Promise<number>} The exit code. */
async function main(paths) {
  const built = await run('tsc', ['-b'])
  if (built !== 0) return built
  const redisRequired = process.env.REQUIRE_REDIS === '1'
  if (redisRequired && findRedisProgram() === undefined) installRedis()

  const partial = ['--allow-incomplete-coverage', '--allow-empty-coverage']
  const args = paths.length === 0 ? [] : [...partial, ...paths.flatMap(testsIn)]
  const onTerminal = process.stdout.isTTY === true && !process.env.CI
  const { code, report } = await (onTerminal ? watch(args) : log(args))

  if (code !== 0 && report.failed === 0) {
    console.log('No test failed, yet the run did: the lines above say why.')
  }
  const isOfRedis = (/** @type {string} */ reason) => [noRedis, noPrivateRedis].includes(reason)
  const withoutRedis = report.reasons.filter(isOfRedis)
  const others = report.reasons.filter((reason) => !isOfRedis(reason))
  console.log(report.counts)
  for (const reason of new Set(others)) console.log(`Skipped: ${reason}.`)
  if (withoutRedis.length > 0) console.log(advice(withoutRedis.length))
  return code === 0 && redisRequired && withoutRedis.length > 0 ? 1 : code
}

/** A folder holds more than tests, all of which tap would run. @param {string} path */
function testsIn(path) {
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return [path]
  const files = readdirSync(path, { recursive: true, encoding: 'utf8' })
  // The dependencies of a workspace package are packages with tests, too.
  const own = files.filter((file) => file.endsWith('.test.ts') && !file.includes('node_modules'))
  return own.map((file) => join(path, file))
}

/** Runs tap in its form for people, and reads its TAP afterwards. @param {string[]} args */
async function watch(args) {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-test-'))
  try {
    const file = join(folder, 'output.tap')
    const code = await run('tap', ['-R', 'base', '-o', file, ...args])
    const report = new TapReport(() => {})
    await feed(report, createReadStream(file))
    return { code, report }
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** Runs tap and words its TAP for a log while it comes in. @param {string[]} args */
async function log(args) {
  const child = spawn('tap', ['-R', 'tap', ...args], {
    cwd: root,
    env,
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const ended = once(child, 'close')
  const report = new TapReport((line) => console.log(line))
  await feed(report, child.stdout)
  const [code] = await ended
  return { code: code ?? 1, report }
}

/** @param {TapReport} report @param {NodeJS.ReadableStream} input */
async function feed(report, input) {
  for await (const line of createInterface({ input })) report.line(line)
  report.end()
}

/** @param {string} command @param {string[]} args @returns {Promise<number>} The exit code. */
async function run(command, args) {
  const [code] = await once(spawn(command, args, { cwd: root, env, stdio: 'inherit' }), 'close')
  return code ?? 1
}

/** @param {number} count */
function advice(count) {
  const tests = count === 1 ? '1 Redis test was' : `${count} Redis tests were`
  const remedy = 'apt-get install redis-server'
  return process.env.REDIS_URL
    ? `${tests} skipped: they stop and kill a Redis, which needs redis-server on the PATH (${remedy}).`
    : `${tests} skipped because there is no Redis: ${remedy}, or set REDIS_URL=redis://host:port.`
}
