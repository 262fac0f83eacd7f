/**
 * Starts the page and its API on free ports, asks what a browser would ask, and ends by itself: with 0
 * when everything was as the README says.
 */
import assert from 'node:assert/strict'
import { start } from './start.js'

const { pageUrl, apiUrl, close } = await start({ pagePort: 0, apiPort: 0, level: 'error' })

const page = await fetch(pageUrl)
assert.match(await page.text(), /Order tea/)
const policy = page.headers.get('content-security-policy') ?? ''
assert.ok(policy.includes(`connect-src 'self' ${apiUrl}`), policy)
assert.deepEqual(await (await fetch(`${pageUrl}/settings.json`)).json(), { api: apiUrl })

/** @param {string} method @param {Record<string, string>} [headers] */
function ask(method, headers = {}) {
  return fetch(`${apiUrl}/orders`, { method, headers: { origin: pageUrl, ...headers } })
}
const preflight = {
  'access-control-request-method': 'POST',
  'access-control-request-headers': 'content-type'
}

const statuses = []
for (let order = 0; order < 3; order++) {
  statuses.push((await ask('OPTIONS', preflight)).status, (await ask('POST')).status)
}
assert.deepEqual(statuses, [204, 201, 204, 201, 204, 201], 'preflights are not counted')

const refused = await ask('POST')
assert.equal(refused.status, 429)
assert.match(refused.headers.get('retry-after') ?? '', /^[1-4]$/)
assert.equal(refused.headers.get('access-control-allow-origin'), pageUrl)
assert.match(refused.headers.get('access-control-expose-headers') ?? '', /Retry-After/)
assert.equal(refused.headers.get('x-content-type-options'), 'nosniff')

await close()
console.log('A page can read how long to wait: the refusal carries the fields of CORS and helmet.')
