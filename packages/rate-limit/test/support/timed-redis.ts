/**
 * Redis by a clock of the test.
 */
import type { ScriptClient } from '@holdfast/rate-limit/redis'
import type { Redis } from 'ioredis'

/**
 * A client whose script goes by that clock, in whole milliseconds, in place of the server's, which is
 * the one thing that a test cannot set. Keys expire by the server's own: it has to stay behind.
 */
export function timedBy(client: Redis, clock: () => number): ScriptClient {
  return {
    evalsha: async () => {
      throw new Error('NOSCRIPT')
    },
    eval: (script, keys, args) => {
      const now = clock()
      const time = `{ ${Math.floor(now / 1000)}, ${(now % 1000) * 1000} }`
      return client.eval(script.replace("call('TIME')", time), keys.length, ...keys, ...args)
    }
  }
}
