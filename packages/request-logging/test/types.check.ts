/**
 * Checked by `tsc -b`, never run: the facts that the plugins write are the facts that the line reads.
 */
import type {} from '@holdfast/circuit-breaker'
import type { RequestFacts } from '@holdfast/core'
import type {} from '@holdfast/lifecycle'
import type {} from '@holdfast/rate-limit'
import { expectTypeOf } from 'expect-type'
import type { ReadFacts } from '../dist/read-facts.js'

expectTypeOf<RequestFacts>().toExtend<ReadFacts>()
expectTypeOf<RequestFacts['rateLimit']>().toExtend<ReadFacts['rateLimit']>()
expectTypeOf<RequestFacts['circuitBreaker']>().toExtend<ReadFacts['circuitBreaker']>()
expectTypeOf<RequestFacts['lifecycle']>().toExtend<ReadFacts['lifecycle']>()
