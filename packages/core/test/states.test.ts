/**
 * The states of an app, with a plugin of a third party that provides one and another that reads it.
 */
import { provideState, type ScopedState, type States, statesOf } from '@holdfast/core'
import Fastify, { type FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import t from 'tap'
import { warningsOf } from './warnings.ts'

declare module '@holdfast/core' {
  interface States {
    'acme-stock': { readonly items: number }
    'acme-broken': object
  }
}

/** Provides how many items there are; each sale is one fewer. */
const stock = fp<{ items: number }>(async (app, { items }) => {
  provideState(app, 'acme-stock', () => ({ items }))
  app.post('/sale', async () => --items)
})

/** What a reader writes who imports neither `stock` nor its types. */
interface ReadStates {
  readonly 'acme-stock'?: readonly ScopedState<{ readonly items: number }>[]
}

function itemsOf(app: FastifyInstance): number {
  const states: ReadStates = statesOf(app)
  return (states['acme-stock'] ?? []).reduce((sum, { state }) => sum + state.items, 0)
}

t.test('a plugin reads what another one provides, at the moment it asks', async (t) => {
  const app = Fastify()
  t.equal(itemsOf(app), 0, 'before anything is registered')
  app.register(stock, { items: 7 })
  app.get('/items', async () => itemsOf(app))
  await app.after()
  t.equal(itemsOf(app), 7, 'before the app is ready')
  await app.inject({ method: 'POST', url: '/sale' })
  t.equal((await app.inject('/items')).body, '6')
  t.strictSame(statesOf(app, 'acme-stock'), [{ prefix: '', state: { items: 6 } }])
  await app.close()
  t.strictSame(statesOf(app), {}, 'nothing is kept after close')
  t.strictSame(statesOf(app, 'acme-stock'), [])
})

t.test('every registration gives a state of its own, in the order of registration', async (t) => {
  const app = Fastify()
  const other = Fastify()
  t.teardown(() => Promise.all([app.close(), other.close()]))
  let scope: FastifyInstance | undefined
  app.register(stock, { items: 1 })
  app.register(
    async (tenant) => {
      scope = tenant
      tenant.register(stock, { items: 2 })
      tenant.register(async (inner) => inner.register(stock, { items: 3 }), { prefix: '/inner' })
    },
    { prefix: '/tenant' }
  )
  other.register(stock, { items: 4 })
  await Promise.all([app.ready(), other.ready()])
  const states = [
    { prefix: '', state: { items: 1 } },
    { prefix: '/tenant', state: { items: 2 } },
    { prefix: '/tenant/inner', state: { items: 3 } }
  ]
  t.strictSame(statesOf(app), { 'acme-stock': states })
  t.strictSame(statesOf(scope ?? other), { 'acme-stock': states }, 'a scope reads the whole app')
  t.strictSame(statesOf(app, 'acme-stock'), states)
  t.strictSame(statesOf(other), { 'acme-stock': [{ prefix: '', state: { items: 4 } }] })
})

t.test('nothing is read until somebody asks, and only what is asked for', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  const reads: (keyof States)[] = []
  for (const name of ['acme-stock', 'acme-broken'] as const) {
    provideState(app, name, () => {
      reads.push(name)
      return { items: 1 }
    })
  }
  await app.ready()
  t.strictSame(reads, [])
  statesOf(app, 'acme-stock')
  t.strictSame(reads, ['acme-stock'])
  statesOf(app)
  t.strictSame(reads, ['acme-stock', 'acme-stock', 'acme-broken'])
})

t.test('a state that cannot be read is left out, told once, and harms no other', async (t) => {
  const warnings = warningsOf(t)
  const app = Fastify()
  t.teardown(() => app.close())
  const broken: (() => unknown)[] = [
    () => {
      throw new Error('no stock')
    },
    async () => ({ items: 1 }),
    () => null,
    () => 'plenty'
  ]
  for (const read of broken) provideState(app, 'acme-broken', read as () => object)
  app.register(stock, { items: 5 })
  await app.ready()
  for (let time = 0; time < 3; time++) {
    t.strictSame(statesOf(app), { 'acme-stock': [{ prefix: '', state: { items: 5 } }] })
    t.strictSame(statesOf(app, 'acme-broken'), [])
  }
  await new Promise(setImmediate)
  t.match(
    warnings.map(({ message }) => message.split('\n')[0]),
    [
      'Caught an error of the state of acme-broken; it is reported only once. Error: no stock',
      /the state of acme-broken.* It returned a promise, but must answer synchronously\.$/,
      /the state of acme-broken.* It must be an object\.$/,
      /the state of acme-broken.* It must be an object\.$/
    ]
  )
})

t.test('the state of a plugin whose name an object has too is a state like others', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  for (const name of ['constructor', '__proto__']) {
    provideState(app, name as keyof States, () => ({ items: 1 }))
  }
  t.strictSame(Object.keys(statesOf(app)), ['constructor', '__proto__'])
})
