/**
 * Starts two services and the proxy, sends ten requests to each through it while the reviews fail, lets
 * them work again, and prints what the clients got.
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { createProxy } from './app.js'

const REQUESTS = 10
const PAUSE = 100
const NAMES = /** @type {const} */ (['catalog', 'reviews'])

/** @typedef {{ calls: number, isBroken: boolean, origin: string, close: () => void }} Service */
/** @typedef {{ ok: number, failed: number, refused: number }} Answers */

/** Starts a service that can be broken. @returns {Promise<Service>} */
async function startService() {
  const server = createServer((_request, response) => {
    service.calls++
    response.writeHead(service.isBroken ? 503 : 200).end()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  const close = () => {
    server.close()
    server.closeAllConnections()
  }
  /** @type {Service} */
  const service = { calls: 0, isBroken: false, origin: `http://127.0.0.1:${port}`, close }
  return service
}

/** @param {string} url @returns {Promise<Answers>} */
async function ask(url) {
  const answers = { ok: 0, failed: 0, refused: 0 }
  for (let asked = 0; asked < REQUESTS; asked++) {
    const response = await fetch(url)
    await response.arrayBuffer()
    if (response.ok) answers.ok++
    else if (response.headers.has('retry-after')) answers.refused++
    else answers.failed++
  }
  return answers
}

const services = { catalog: await startService(), reviews: await startService() }
const proxy = await createProxy({
  catalog: services.catalog.origin,
  reviews: services.reviews.origin
})
const url = await proxy.listen({ host: '127.0.0.1', port: 0 })

services.reviews.isBroken = true
console.log(`The reviews fail. ${REQUESTS} requests to each service through the proxy:\n`)
console.log(
  '| service | answered 200 | its own 503 | 503 of the breaker, with Retry-After | calls |'
)
console.log(
  '| ------- | ------------ | ----------- | ------------------------------------ | ----- |'
)
for (const name of NAMES) {
  const { ok, failed, refused } = await ask(`${url}/${name}/`)
  const cells = [pad(ok, 12), pad(failed, 11), pad(refused, 36), pad(services[name].calls, 5)]
  console.log(`| ${name} | ${cells.join(' | ')} |`)
}

services.reviews.isBroken = false
const from = performance.now()
while ((await fetch(`${url}/reviews/`)).status !== 200) await wait(PAUSE)
const seconds = Math.round((performance.now() - from) / 1000)
console.log(`\nThe reviews work again, and are called again after ${seconds} s.`)

await proxy.close()
for (const name of NAMES) services[name].close()

/** @param {number} count @param {number} width */
function pad(count, width) {
  return String(count).padStart(width)
}
