/**
 * The Redis server program of this machine: where it is, and how it gets here.
 */
import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Why a test was skipped. The test command knows skipped Redis tests by this sentence. */
export const noRedis = 'no Redis: neither REDIS_URL nor a redis-server or valkey-server on the PATH'

/** Why a test that stops its Redis was skipped although `REDIS_URL` is set. */
export const noPrivateRedis =
  'no Redis to stop and kill: no redis-server or valkey-server on the PATH'

/** The path of `redis-server` or `valkey-server`, or undefined if the PATH holds neither. */
export function findRedisProgram() {
  for (const name of ['redis-server', 'valkey-server']) {
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
 * Installs the Debian package. Says what it does, and why not if it cannot; the tests that find no
 * Redis afterwards speak for themselves.
 */
export function installRedis() {
  if (process.getuid?.() !== 0) {
    console.log('Redis is required and missing, and only root can install it.')
    return
  }
  console.log('Redis is required and missing: apt-get install redis-server')
  // Whether the package also starts a service does not matter: the tests start servers of their own.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  for (const args of [
    ['update', '-qq'],
    ['install', '-y', '-qq', '--no-install-recommends', 'redis-server']
  ]) {
    const { error, status, stdout, stderr } = spawnSync('apt-get', args, { env, encoding: 'utf8' })
    if (status === 0) continue
    console.log(`apt-get ${args[0]} failed: ${error?.message ?? `${stdout}${stderr}`}`)
    return
  }
}
