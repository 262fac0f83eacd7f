/**
 * Starts the example on a free port, asks it what the README asks, and ends by itself: with 0 when
 * everything was as the README says.
 */
import assert from 'node:assert/strict'
import { createApi } from './app.js'

const app = await createApi()
const url = await app.listen({ port: 0, host: '127.0.0.1' })

/** @param {string} path @param {string} [key] */
function get(path, key) {
  return fetch(new URL(path, url), { headers: key === undefined ? {} : { 'x-api-key': key } })
}

/** @param {string} path @param {string} key @param {number} times */
async function statuses(path, key, times) {
  const codes = []
  for (let time = 0; time < times; time++) codes.push((await get(path, key)).status)
  return codes
}

/** @param {Response} response */
async function usageIn(response) {
  const [second, day] = /** @type {{ limit: number, remaining: number }[]} */ (
    await response.json()
  )
  return { second: second?.limit, day: day?.remaining }
}

assert.equal((await get('/articles')).status, 401)

const search = await get('/search', 'key-of-bob')
assert.equal(search.headers.get('ratelimit-policy'), '"second";q=20;w=1, "day";q=10000;w=86400')
assert.match(search.headers.get('ratelimit') ?? '', /^"second";r=19;t=1, "day";r=9995;t=\d+$/)
assert.deepEqual(await usageIn(await get('/usage', 'key-of-bob')), { second: 20, day: 9995 })

const codes = await statuses('/articles', 'key-of-ann', 40)
assert.deepEqual(codes.slice(0, 3), [200, 200, 429], 'two a second are free')
const banned = await get('/articles', 'key-of-ann')
assert.equal(banned.status, 429)
const { type } = /** @type {{ type: string }} */ (await banned.json())
assert.match(type, /#abnormal-usage-detected$/, 'a client that does not stop is banned')
assert.ok(Number(banned.headers.get('retry-after')) > 800)
assert.equal((await get('/export', 'key-of-ann')).status, 429, 'under every limit')
for (const path of ['/articles', '/export']) {
  assert.equal((await get(path, 'key-of-bob')).status, 200, 'and nobody else')
}

await app.close()
console.log('Limited by plan, charged by route, banned for abuse.')
