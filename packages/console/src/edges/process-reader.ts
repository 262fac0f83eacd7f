/**
 * Reads what the process itself says about its load.
 */
import { hostname } from 'node:os'
import { performance } from 'node:perf_hooks'
import process from 'node:process'
import { getHeapStatistics } from 'node:v8'
import type { LoopDelay } from '@holdfast/core'
import type { ProcessPart } from '../snapshot.ts'

const MICROSECONDS = 1000
const MILLISECONDS = 1000

/** Reads the load of the process: about 30 us. */
export function readProcess(delay: LoopDelay | undefined): ProcessPart {
  const { rss, heapUsed } = process.memoryUsage()
  const { user, system } = process.cpuUsage()
  const { active, idle } = performance.eventLoopUtilization()
  return {
    pid: process.pid,
    host: hostname(),
    node: process.version,
    uptime: process.uptime() * MILLISECONDS,
    cpu: (user + system) / MICROSECONDS,
    loop: { active, idle },
    delay: delay && { current: delay.current, max: delay.max },
    memory: { rss, heapUsed, heapLimit: getHeapStatistics().heap_size_limit }
  }
}
