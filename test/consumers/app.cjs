const Fastify = require('fastify')
const { parseDuration } = require('@holdfast/core')
const { TokenBucket } = require('@holdfast/rate-limit')
const { serverOptions } = require('holdfast')

async function serveOnce(app) {
  app.get('/', () => 'served')
  const answer = await fetch(await app.listen({ host: '127.0.0.1', port: 0 }))
  if ((await answer.text()) !== 'served') throw new Error(`not served: ${answer.status}`)
  await app.close()
}

async function main() {
  const app = Fastify({ logger: { level: 'error' } })
  app.register(require('@holdfast/lifecycle'), { signals: false })
  app.register(require('@holdfast/request-logging'))
  app.register(require('@holdfast/rate-limit'), { max: 100, timeWindow: '1 minute' })
  app.register(require('@holdfast/circuit-breaker'))
  await serveOnce(app)

  const moving = Fastify()
  moving.register(require('@holdfast/rate-limit/compat'), { max: 100 })
  await serveOnce(moving)

  const suite = Fastify(serverOptions({ logger: { level: 'error' } }))
  await suite.register(require('holdfast'))
  await serveOnce(suite)

  if (parseDuration('1s', 'wait') !== 1000) throw new Error('a second is 1000 ms')
  if (!new TokenBucket({ rate: 1, capacity: 1 }).allow()) throw new Error('the bucket is full')
  console.log('ok')
}

main()
