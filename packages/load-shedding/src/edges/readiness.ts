/**
 * The readiness of a service that refuses requests, where that is asked for.
 */
import { describe, InvalidOptionError } from '@holdfast/core/options'
import type { FastifyInstance } from 'fastify'
import type { SheddingView } from '../state.ts'

/** What is used of `@holdfast/lifecycle`. */
interface WithLifecycle {
  readonly lifecycle?: {
    addCheck(name: string, check: () => void, options: { readonly cacheFor: number }): void
  }
}

const CACHE_FOR = 1000

/** Lets the readiness probe fail while requests are refused. */
export function failWhileShedding(app: FastifyInstance, view: SheddingView): void {
  app.addHook('onReady', async () => {
    const { lifecycle }: WithLifecycle = app as WithLifecycle
    if (lifecycle === undefined) {
      throw new InvalidOptionError(
        'loadShedding.readiness',
        '"keep" where @holdfast/lifecycle is not registered',
        describe('fail')
      )
    }
    const check = (): void => {
      if (view.shedding) throw new Error('The service is overloaded.')
    }
    lifecycle.addCheck('load-shedding', check, { cacheFor: CACHE_FOR })
  })
}
