/**
 * A service of NestJS: it boots without a word, refuses with the suite's statuses, and closes.
 */
import 'reflect-metadata'
import assert from 'node:assert/strict'
import { Controller, Get, Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { FastifyAdapter, RouteConfig } from '@nestjs/platform-fastify'
import holdfast, { serverOptions } from 'holdfast'

class Shop {
  served() {
    return 'served'
  }

  down() {
    throw new Error('down')
  }
}

/** What `@Get(path) @RouteConfig(config)` does to a method. */
function route(name, path, config) {
  const descriptor = Object.getOwnPropertyDescriptor(Shop.prototype, name)
  RouteConfig(config)(Shop.prototype, name, descriptor)
  Get(path)(Shop.prototype, name, descriptor)
}

route('served', '/', { rateLimit: { max: 2 } })
route('down', '/down', { rateLimit: false, circuitBreaker: { threshold: 1 } })
Controller()(Shop)
class Root {}
Module({ controllers: [Shop] })(Root)

const lines = []
const stream = { write: (line) => lines.push(JSON.parse(line)) }
const adapter = new FastifyAdapter(serverOptions({ logger: { stream } }))
await adapter.getInstance().register(holdfast, { lifecycle: { signals: false } })
const app = await NestFactory.create(Root, adapter, { logger: false })
await app.listen(0, '127.0.0.1')

const url = await app.getUrl()
const statuses = []
for (const path of ['/', '/', '/', '/down', '/down', '/livez']) {
  statuses.push((await fetch(new URL(path, url))).status)
}
await app.close()
assert.deepEqual(statuses, [200, 200, 429, 500, 503, 200])
const warnings = lines.filter(({ level, outcome }) => level >= 40 && outcome === undefined)
assert.deepEqual(
  warnings.map(({ msg }) => msg),
  ['circuit breaker "GET /down" opened']
)
console.log('ok')
