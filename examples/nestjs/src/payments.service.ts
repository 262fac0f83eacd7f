import { Injectable, type OnApplicationShutdown, type OnModuleDestroy } from '@nestjs/common'
import { HttpAdapterHost } from '@nestjs/core'
import type { FastifyInstance } from 'fastify'
import type { CircuitBreaker } from 'holdfast'

/** Payments, which another service takes. It is down when the environment says PAYMENTS=down. */
@Injectable()
export class PaymentsService implements OnModuleDestroy, OnApplicationShutdown {
  readonly #breaker: CircuitBreaker

  constructor(host: HttpAdapterHost) {
    const fastify: FastifyInstance = host.httpAdapter.getInstance()
    this.#breaker = fastify.circuitBreaker('payments', { threshold: 3, resetTimeout: '30s' })
  }

  /** Takes the money. Rejects at once while the breaker is open. */
  charge(amount: number): Promise<string> {
    return this.#breaker.execute(async () => {
      if (process.env['PAYMENTS'] === 'down') throw new Error('Payments do not answer.')
      return `paid ${amount}`
    })
  }

  async onModuleDestroy(): Promise<void> {
    console.log('payments: every answer is out')
  }

  async onApplicationShutdown(): Promise<void> {
    console.log('payments: closed')
  }
}
