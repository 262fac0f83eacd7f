/**
 * What the process knows of itself, read when somebody asks.
 */
import { performance } from 'node:perf_hooks'
import { getHeapSpaceStatistics } from 'node:v8'
import { eventLoopDelay } from '@holdfast/core'
import type { FastifyInstance } from 'fastify'
import type { RuntimeReading } from '../runtime-reading.ts'

const MILLISECONDS = 1000
const MICROSECONDS = 1_000_000

/**
 * Returns a function that reads the process. Its utilization is that since its own reading before. Until
 * the app closes the delay of the event loop is measured, which core's state has.
 */
export function watchRuntime(app: FastifyInstance): () => RuntimeReading {
  const delay = eventLoopDelay()
  app.addHook('onClose', async () => delay.release())
  let before = performance.eventLoopUtilization()
  return () => {
    const now = performance.eventLoopUtilization()
    const { utilization } = performance.eventLoopUtilization(now, before)
    before = now
    const { user, system } = process.cpuUsage()
    return {
      loopActive: now.active / MILLISECONDS,
      loopIdle: now.idle / MILLISECONDS,
      loopUtilization: utilization,
      heapSpaces: getHeapSpaceStatistics().map((space) => ({
        name: space.space_name,
        used: space.space_used_size
      })),
      cpuUser: user / MICROSECONDS,
      cpuSystem: system / MICROSECONDS,
      residentMemory: process.memoryUsage.rss()
    }
  }
}
