import { getEventListeners } from 'node:events'
import t from 'tap'
import { listenTo } from '../dist/caller-signals.js'
import { warningsOf } from './warnings.ts'

t.test('a call that leaves while others are told is not told', async (t) => {
  const controller = new AbortController()
  const told: string[] = []
  const entries = ['first', 'second', 'third'].map((name) =>
    listenTo(controller.signal, {
      callerLeft() {
        told.push(name)
        entries[1]?.leave()
      }
    })
  )
  controller.abort()
  t.strictSame(told, ['first', 'third'])
  for (const entry of entries) entry.leave()
  for (const entry of entries) entry.leave()
})

t.test('the last call takes the listener of a signal away', async (t) => {
  const { signal } = new AbortController()
  const ignore = { callerLeft: () => {} }
  t.equal(getEventListeners(signal, 'abort').length, 0)
  const first = listenTo(signal, ignore)
  const second = listenTo(signal, ignore)
  t.equal(getEventListeners(signal, 'abort').length, 1)
  first.leave()
  t.equal(getEventListeners(signal, 'abort').length, 1)
  second.leave()
  t.equal(getEventListeners(signal, 'abort').length, 0)
})

t.test('a call that leaves twice does not part the calls that came meanwhile', async (t) => {
  const { signal } = new AbortController()
  const ignore = { callerLeft: () => {} }
  const left = listenTo(signal, ignore)
  left.leave()
  listenTo(signal, ignore)
  left.leave()
  listenTo(signal, ignore)
  t.equal(getEventListeners(signal, 'abort').length, 1)
})

t.test('a call that throws keeps the others from nothing, and is reported', async (t) => {
  const warnings = warningsOf(t)
  const controller = new AbortController()
  const told: string[] = []
  const broken = () => {
    throw new Error('not now')
  }
  listenTo(controller.signal, { callerLeft: broken })
  listenTo(controller.signal, { callerLeft: () => told.push('second') })
  controller.abort()
  t.strictSame(told, ['second'])
  await new Promise(setImmediate)
  t.match(warnings, [{ message: /callerLeft\(\) of a call.*not now/s }])
})
