import { Body, Controller, Get, Param, Post } from '@nestjs/common'
import { RouteConfig } from '@nestjs/platform-fastify'
import type { FastifyContextConfig } from 'fastify'
import { PaymentsService } from './payments.service.js'

@Controller('orders')
export class OrdersController {
  readonly #payments: PaymentsService

  constructor(payments: PaymentsService) {
    this.#payments = payments
  }

  /** Limited by decorator. `@RouteConfig` takes anything; `satisfies` tells of a misspelt name. */
  @Get(':id')
  @RouteConfig({ rateLimit: { max: 5, timeWindow: '1 minute' } } satisfies FastifyContextConfig)
  read(@Param('id') id: string) {
    return { id, item: 'tea' }
  }

  /** Guarded by the breaker of the payments. */
  @Post()
  create(@Body() { amount }: { amount: number }) {
    return this.#payments.charge(amount)
  }

  /** Guarded by a breaker of its own. It stands for a route whose warehouse is down. */
  @Get(':id/parcel')
  @RouteConfig({ circuitBreaker: { threshold: 3 } } satisfies FastifyContextConfig)
  parcel() {
    throw new Error('The warehouse does not answer.')
  }
}
