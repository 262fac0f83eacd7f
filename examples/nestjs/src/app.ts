import 'reflect-metadata'
import { Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import type { NestFastifyApplication } from '@nestjs/platform-fastify'
import type { FastifyInstance } from 'fastify'
import holdfast, { serverOptions } from 'holdfast'
import { LifecycleAdapter } from './lifecycle-adapter.js'
import { OrdersController } from './orders.controller.js'
import { PaymentsService } from './payments.service.js'
import { RefusalFilter } from './refusal.filter.js'

@Module({ controllers: [OrdersController], providers: [PaymentsService] })
class ShopModule {}

/** Builds the shop, ready to listen. */
export async function createShop(): Promise<NestFastifyApplication> {
  const adapter = new LifecycleAdapter(serverOptions())
  // Before Nest makes its first provider, which may ask for a breaker.
  await adapter.getInstance<FastifyInstance>().register(holdfast, {
    rateLimit: { max: 100, timeWindow: '1 minute' }
  })
  const app = await NestFactory.create<NestFastifyApplication>(ShopModule, adapter, {
    logger: ['error', 'warn']
  })
  app.useGlobalFilters(new RefusalFilter())
  adapter.addStep(app)
  return app
}
