/**
 * The metrics of the process: of its event loop, its memory and its processor time. Names are those of
 * the semantic conventions for Node.js, V8 and processes, as far as they have any.
 */
import type { MetricSource, ObservedMetric, Sample } from '../metric.ts'
import { eachState } from '../read-states.ts'
import type { RuntimeReading } from '../runtime-reading.ts'

const LOOP_STATE = 'nodejs.eventloop.state'
const CPU_MODE = 'cpu.mode'
const HEAP_SPACE = 'v8js.heap.space.name'
const MILLISECONDS = 1000

function* read(
  { runtime }: MetricSource,
  samplesOf: (runtime: RuntimeReading) => Iterable<Sample>
): Iterable<Sample> {
  if (runtime !== undefined) yield* samplesOf(runtime)
}

/** How late the loop is, from the one histogram that core keeps while somebody wants it. */
function* delay(
  { states, runtime }: MetricSource,
  read: (delay: { readonly current: number; readonly max: number }) => number
): Iterable<Sample> {
  if (runtime === undefined) return
  for (const { eventLoopDelay } of eachState(states, '@holdfast/core')) {
    if (eventLoopDelay === undefined) continue
    yield { value: read(eventLoopDelay) / MILLISECONDS, attributes: {} }
    // It is of the process: that of one app is that of all.
    return
  }
}

export const runtimeMetrics: readonly ObservedMetric[] = [
  {
    name: 'nodejs.eventloop.time',
    kind: 'counter',
    unit: 's',
    description: 'Time that the event loop was active or idle.',
    attributes: [LOOP_STATE],
    isOfProcess: true,
    read: (source) =>
      read(source, ({ loopActive, loopIdle }) => [
        { value: loopActive, attributes: { [LOOP_STATE]: 'active' } },
        { value: loopIdle, attributes: { [LOOP_STATE]: 'idle' } }
      ])
  },
  {
    name: 'nodejs.eventloop.utilization',
    kind: 'gauge',
    unit: '1',
    description: 'Part of the time that the event loop was active since the reading before.',
    attributes: [],
    isOfProcess: true,
    read: (source) =>
      read(source, ({ loopUtilization }) => [{ value: loopUtilization, attributes: {} }])
  },
  {
    name: 'nodejs.eventloop.delay.mean',
    kind: 'gauge',
    unit: 's',
    description: 'Mean delay of the event loop in the last quarter of a second.',
    attributes: [],
    isOfProcess: true,
    read: (source) => delay(source, ({ current }) => current)
  },
  {
    name: 'nodejs.eventloop.delay.max',
    kind: 'gauge',
    unit: 's',
    description: 'Longest delay of the event loop in the last ten seconds.',
    attributes: [],
    isOfProcess: true,
    read: (source) => delay(source, ({ max }) => max)
  },
  {
    name: 'v8js.memory.heap.used',
    kind: 'up-down-counter',
    unit: 'By',
    description: 'Memory of the heap in use, by space.',
    attributes: [HEAP_SPACE],
    isOfProcess: true,
    read: (source) =>
      read(source, ({ heapSpaces }) =>
        heapSpaces.map(({ name, used }) => ({ value: used, attributes: { [HEAP_SPACE]: name } }))
      )
  },
  {
    name: 'process.cpu.time',
    kind: 'counter',
    unit: 's',
    description: 'Processor time of the process.',
    attributes: [CPU_MODE],
    isOfProcess: true,
    read: (source) =>
      read(source, ({ cpuUser, cpuSystem }) => [
        { value: cpuUser, attributes: { [CPU_MODE]: 'user' } },
        { value: cpuSystem, attributes: { [CPU_MODE]: 'system' } }
      ])
  },
  {
    name: 'process.memory.usage',
    kind: 'up-down-counter',
    unit: 'By',
    description: 'Physical memory of the process.',
    attributes: [],
    isOfProcess: true,
    read: (source) =>
      read(source, ({ residentMemory }) => [{ value: residentMemory, attributes: {} }])
  }
]
