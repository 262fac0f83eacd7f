/**
 * The Redis server program of this machine: where it is, and how it gets here.
 */
import { findProgram, installPackage } from './programs.js'

/** Why a test was skipped. The test command knows skipped Redis tests by this sentence. */
export const noRedis = 'no Redis: neither REDIS_URL nor a redis-server or valkey-server on the PATH'

/** Why a test that stops its Redis was skipped although `REDIS_URL` is set. */
export const noPrivateRedis =
  'no Redis to stop and kill: no redis-server or valkey-server on the PATH'

/** The path of `redis-server` or `valkey-server`, or undefined if the PATH holds neither. */
export function findRedisProgram() {
  return findProgram('redis-server', 'valkey-server')
}

/**
 * Installs the Debian package. Whether it also starts a service does not matter: the tests start
 * servers of their own, and those that find no Redis afterwards speak for themselves.
 */
export function installRedis() {
  installPackage('redis-server', 'Redis is required and missing')
}
