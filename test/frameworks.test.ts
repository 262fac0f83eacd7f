/**
 * Refusals and mistakes of the suite inside what is built upon Fastify: NestJS and fastify-cli.
 */
import 'reflect-metadata'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { circuitBreaker } from '@holdfast/circuit-breaker'
import { rateLimit } from '@holdfast/rate-limit'
import { Controller, Get, Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify'
import t from 'tap'
import { startNode } from './support/process.ts'

t.test('NestJS answers an open breaker with 503 and a limited client with 429', async (t) => {
  const adapter = new FastifyAdapter()
  const fastify = adapter.getInstance()
  fastify.register(circuitBreaker, { threshold: 1 })
  fastify.register(rateLimit, { max: 3 })

  class Orders {
    orders(): Promise<string> {
      return fastify.circuitBreaker('orders').execute(() => {
        throw new Error('no connection')
      })
    }
  }
  const descriptor = Object.getOwnPropertyDescriptor(Orders.prototype, 'orders')
  Get('orders')(Orders.prototype, 'orders', descriptor as PropertyDescriptor)
  Controller()(Orders)
  class Root {}
  Module({ controllers: [Orders] })(Root)

  const app = await NestFactory.create<NestFastifyApplication>(Root, adapter, { logger: false })
  t.teardown(() => app.close())
  await app.init()
  const ask = () => fastify.inject('/orders')

  t.match(await ask(), { statusCode: 500 }, 'the failure that opens it')
  const refused = await ask()
  t.equal(refused.statusCode, 503)
  t.match(refused.json(), {
    statusCode: 503,
    message: /^The circuit breaker "orders" is open\. Try again in \d+ s\.$/
  })
  await ask()
  const limited = await ask()
  t.equal(limited.statusCode, 429)
  t.match(limited.json(), { statusCode: 429, message: /^Rate limit exceeded\. Try again in/ })
  t.match(limited.headers, { 'retry-after': /^\d+$/, ratelimit: /^"default";r=0/ })
})

t.test('fastify-cli names the option that stops the boot', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-cli-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  symlinkSync(
    fileURLToPath(new URL('../node_modules', import.meta.url)),
    join(folder, 'node_modules')
  )
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
  writeFileSync(
    join(folder, 'app.js'),
    `import { rateLimit } from '@holdfast/rate-limit'
     export default async function app (fastify, options) { await fastify.register(rateLimit, { maxx: 5 }) }`
  )
  const cli = fileURLToPath(new URL('../node_modules/fastify-cli/cli.js', import.meta.url))
  const child = startNode([cli, 'start', 'app.js'], { cwd: folder })
  t.teardown(() => child.stop())
  const { code } = await child.exited
  t.equal(code, 1)
  t.match(child.output(), /rateLimit: the option "maxx" does not exist\./)
  t.match(child.output(), /HOLDFAST_ERR_OPTION_UNKNOWN/)
  t.notMatch(child.output(), /\[object Error\]/)
})
