/**
 * Redis clients that live as long as a test.
 */
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import type { Test } from 'tap'

/** Closes an ioredis client with the test; what it has to say of lost connections is not heard. */
export function closing<
  Client extends { disconnect(): void; on(event: 'error', listener: () => void): unknown }
>(t: Test, client: Client): Client {
  t.teardown(() => client.disconnect())
  client.on('error', () => {})
  return client
}

/** An ioredis client as nobody would set it up for outages. */
export function ioredis(
  t: Test,
  port: number,
  user?: { username: string; password: string }
): Redis {
  return closing(t, user === undefined ? new Redis(port) : new Redis(port, user))
}

/** A connected node-redis client. */
export async function nodeRedis(t: Test, url: string) {
  const client = createClient({ url })
  client.on('error', () => {})
  t.teardown(() => client.destroy())
  await client.connect()
  return client
}
