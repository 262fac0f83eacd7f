/**
 * Covers `edges/shared/answer-timeout.ts`, too.
 */

import { guardedLog } from '@holdfast/core'
import { type Charge, type LimitSubject, MemoryStore } from '@holdfast/rate-limit'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { eventually } from '../../../../test/support/http.ts'
import { GuardedStore } from '../../dist/edges/shared/guarded-store.js'
import { type Policies, policyOf } from '../../dist/policy.js'

const POLICIES: Policies = [policyOf('p', { max: 10, timeWindow: 1000 })]

function charge(key: string) {
  return { limit: 'limit', keys: key, policies: POLICIES, costs: 1, countDenied: false }
}

function letterOf({ keys }: LimitSubject): string {
  return String(keys).slice(0, 1)
}

/** A store whose parts, named by the first letter of their keys, can be told to fail. */
class Parts extends MemoryStore {
  readonly dead = new Set<string>()
  isReady = true
  ready: () => void = () => {}

  partOf(account: LimitSubject): string {
    return letterOf(account)
  }

  onReady(listener: () => void): () => void {
    this.ready = listener
    return () => {
      this.ready = () => {}
    }
  }

  override async check(asked: Charge) {
    // Not everybody throws errors.
    if (this.dead.has(letterOf(asked))) throw 'dead'
    return super.check(asked)
  }
}

function guarded(t: Test) {
  const store = new Parts()
  const lines: string[] = []
  const stream = { write: (line: string) => lines.push(JSON.parse(line).msg) }
  const { log } = Fastify({ logger: { stream } })
  const guard = new GuardedStore({ store, timeout: 50, log, instead: 'all is well' })
  t.teardown(() => guard.close())
  /** Asks in a turn of its own: what fails in one turn is one failure. */
  const ask = async (key: string) => {
    await new Promise((resolve) => setImmediate(resolve))
    return (await guard.ask(charge(key), (store) => store.check(charge(key))))?.allowed
  }
  return { store, guard, ask, lines }
}

t.test('parts are left alone and tried again one by one', async (t) => {
  const { store, ask, lines } = guarded(t)
  for (const part of ['a', 'b']) store.dead.add(part)
  for (let asked = 0; asked < 3; asked++) {
    t.strictSame([await ask('a1'), await ask('b1'), await ask('c1')], [undefined, undefined, true])
  }
  t.strictSame(lines, [
    'rateLimit: a of the store fails (dead). Until it answers again, all is well.',
    'rateLimit: b of the store fails (dead). Until it answers again, all is well.'
  ])
  store.dead.delete('a')
  store.ready()
  await eventually(() => lines.includes('rateLimit: a of the store answers again.'))
  t.strictSame([await ask('a1'), await ask('b1')], [true, undefined])
  store.dead.delete('b')
  await eventually(() => lines.includes('rateLimit: b of the store answers again.'))
  t.equal(await ask('b1'), true)
})

t.test('what fails in one turn is one failure', async (t) => {
  const { store, guard, lines } = guarded(t)
  store.dead.add('a')
  const ask = () => guard.ask(charge('a1'), (store) => store.check(charge('a1')))
  await Promise.all(Array.from({ length: 10 }, ask))
  t.strictSame(lines, [])
})

t.test('trying a store again leaves the limits alone', async (t) => {
  const { store, guard, lines } = guarded(t)
  const two: Policies = [...POLICIES, policyOf('q', { max: 1, timeWindow: 1000 })]
  const apart = { ...charge(''), keys: ['a', 'b'], policies: two }
  store.dead.add('a')
  for (let asked = 0; asked < 3; asked++) {
    await new Promise((resolve) => setImmediate(resolve))
    await guard.ask(apart, (store) => store.check(apart))
  }
  store.dead.clear()
  store.ready()
  await eventually(() => lines.includes('rateLimit: a of the store answers again.'))
  t.match(await store.check(apart), { allowed: true, each: [{ remaining: 9 }, { remaining: 0 }] })
  t.match(await store.check(apart), { allowed: false, policy: 'q' })
})

t.test('what a store warns of is logged, until the guard is closed', async (t) => {
  const warnings = new Set<(message: string) => void>()
  class Warning extends MemoryStore {
    onWarning(listener: (message: string) => void): () => void {
      warnings.add(listener)
      return () => {
        warnings.delete(listener)
        throw new Error('not even that')
      }
    }
  }
  const lines: string[] = []
  const stream = { write: (line: string) => lines.push(JSON.parse(line).msg) }
  const log = guardedLog(Fastify({ logger: { stream } }).log)
  const guard = new GuardedStore({ store: new Warning(), timeout: 50, log, instead: '' })
  for (const warn of warnings) warn('the moon is full.')
  t.strictSame(lines, ['rateLimit: the moon is full.'])
  guard.close()
  t.equal(warnings.size, 0)
})

t.test('a store that throws where it should answer is one that fails', async (t) => {
  const { store, ask, lines } = guarded(t)
  const thrower = () => {
    throw new Error('not a getter')
  }
  Object.defineProperty(store, 'isReady', { get: thrower })
  store.partOf = thrower
  t.equal(await ask('a1'), true)
  store.check = thrower
  for (let asked = 0; asked < 3; asked++) t.equal(await ask('a1'), undefined)
  t.match(lines, [/the store fails \(not a getter\)/])
})

t.test('a store that rejects with what has no text fails like any other', async (t) => {
  const { store, ask, lines } = guarded(t)
  store.check = () => Promise.reject(Object.create(null))
  for (let asked = 0; asked < 3; asked++) t.equal(await ask('a1'), undefined)
  t.match(lines, [/^rateLimit: a of the store fails\. Until it answers/])
})

t.test('a store that is not connected is neither asked nor probed', async (t) => {
  const { store, guard, ask, lines } = guarded(t)
  store.isReady = false
  const question = async () => t.fail('it was asked')
  t.equal(guard.ask(charge('a1'), question), undefined)
  store.ready()
  store.isReady = true
  t.equal(guard.ask(charge('a1'), question), undefined, 'it is not known to answer yet')
  store.ready()
  await eventually(() => lines.length === 2)
  t.equal(await ask('a1'), true)
})

t.test('after it was closed it is not probed any more', async (t) => {
  const { store, guard, ask, lines } = guarded(t)
  guard.close()
  store.dead.add('a')
  for (let asked = 0; asked < 3; asked++) await ask('a1')
  store.dead.clear()
  store.ready()
  await new Promise((resolve) => setTimeout(resolve, 600))
  t.equal(lines.length, 1)
})

t.test('nothing is left of the wait for a store when it is closed during the boot', async (t) => {
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
  const before = timers()
  const listeners = new Set<() => void>()
  class Away extends MemoryStore {
    isReady = false
    onReady(listener: () => void): () => void {
      listeners.add(listener)
      return () => listeners.delete(listener)
    }
  }
  const { log } = Fastify()
  const guard = new GuardedStore({ store: new Away(), timeout: 50, log, instead: 'all is well' })
  const opened = guard.open()
  t.strictSame([timers() > before, listeners.size], [true, 2])
  guard.close()
  await opened
  t.strictSame([timers(), listeners.size], [before, 0])
})
