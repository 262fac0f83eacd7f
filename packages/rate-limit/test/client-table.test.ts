import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import t from 'tap'
import { ClientTable } from '../dist/client-table.js'
import { Limiter } from '../dist/limiter.js'
import { policyOf } from '../dist/policy.js'

const SECOND = 1000

function limiterOf(table: ClientTable, max: number, burst = max): Limiter {
  return new Limiter(policyOf('default', { max, timeWindow: SECOND, burst }), table.open())
}

t.test('each key has a bucket of its own', async (t) => {
  const limiter = limiterOf(new ClientTable(10), 2)
  t.match(limiter.check('a', 1, 0), { allowed: true, limit: 2, remaining: 1, resetAfter: 500 })
  t.match(limiter.check('a', 1, 0), { allowed: true, remaining: 0, retryAfter: 0 })
  t.match(limiter.check('a', 1, 0), { allowed: false, retryAfter: 500, reason: 'exceeded' })
  t.match(limiter.check('b', 1, 0), { allowed: true, remaining: 1, reason: 'within' })
})

t.test('a key whose bucket is full again makes room', async (t) => {
  const table = new ClientTable(2)
  const limiter = limiterOf(table, 2)
  limiter.check('a', 2, 0)
  limiter.check('b', 1, 0)
  t.match(limiter.check('c', 1, 500), { allowed: true, remaining: 1 }, 'b owes nothing any more')
  t.equal(table.size, 2)
  t.match(limiter.check('a', 2, 500), { allowed: false }, 'a still owes')
})

t.test('no key that owes is forgotten: further keys share one bucket', async (t) => {
  const table = new ClientTable(2)
  const limiter = limiterOf(table, 2)
  limiter.check('a', 2, 0)
  limiter.check('b', 2, 0)
  t.ok(limiter.check('c', 1, 0).allowed)
  t.ok(limiter.check('d', 1, 0).allowed)
  t.notOk(limiter.check('e', 1, 0).allowed, 'c and d took what the newcomers share')
  t.equal(table.size, 2)
  t.notOk(limiter.check('a', 1, 0).allowed)

  t.notOk(limiter.check('c', 2, 999).allowed)
  t.match(
    limiter.check('c', 1, 1000),
    { allowed: true, remaining: 1 },
    'everybody is full again: c has a bucket of its own'
  )
})

t.test('a key that moves out of the shared bucket takes its debt along', async (t) => {
  const limiter = limiterOf(new ClientTable(1), 10)
  limiter.check('a', 1, 0)
  t.match(limiter.check('b', 10, 0), { allowed: true, remaining: 0 })
  t.match(limiter.check('b', 1, 100), { allowed: true, remaining: 0 }, 'a is full: room for b')
  t.match(limiter.check('a', 1, 200), { allowed: true, remaining: 1 }, 'a is one more newcomer')
})

t.test('the keys of all policies together are bounded', async (t) => {
  const table = new ClientTable(3)
  const limiters = [limiterOf(table, 5), limiterOf(table, 7)] as const
  for (const key of ['a', 'b', 'c', 'd']) for (const limiter of limiters) limiter.check(key, 5, 0)
  t.equal(table.size, 3)
  t.ok(limiters[1].check('e', 5, 2 * SECOND).allowed, 'what expired in one makes room in the other')
  t.ok(table.size <= 3)
  table.clear()
  t.equal(table.size, 0)
  t.match(limiters[0].check('a', 1, 0), { remaining: 4 })
})

t.test('what is denied is not remembered', async (t) => {
  const table = new ClientTable(3)
  const limiter = limiterOf(table, 0)
  t.match(limiter.check('a', 1, 0), { allowed: false, remaining: 0, retryAfter: Infinity })
  t.equal(table.size, 0)
})

t.test('keys that owe nothing go away as new ones come, without a timer', async (t) => {
  const table = new ClientTable(100_000)
  const limiter = limiterOf(table, 10)
  for (let index = 0; index < 20_000; index++) limiter.check(`key ${index}`, 1, index)
  t.ok(table.size < 1000, `${table.size} keys where about 100 owe`)
})

t.test('a clock that was set back locks nobody out', async (t) => {
  const limiter = limiterOf(new ClientTable(1), 2)
  limiter.check('a', 2, 10_000_000)
  limiter.check('b', 2, 10_000_000)
  t.match(limiter.check('a', 1, 0), { allowed: false, retryAfter: 500 })
  t.match(limiter.check('b', 1, 0), { allowed: false, retryAfter: 500 })
  t.ok(limiter.check('a', 1, 500).allowed)
})

t.test('no key is ever admitted above its bound, however many there are', async (t) => {
  const calls = fc.array(
    fc.tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 1, max: 3 }), fc.nat({ max: 300 })),
    { maxLength: 300, size: 'max' }
  )
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 6 }), calls, (maxKeys, trace) => {
      const table = new ClientTable(maxKeys)
      const limiter = limiterOf(table, 5, 4)
      const alone = new Map<string, Limiter>()
      let now = 0
      for (const [index, cost, step] of trace) {
        now += step
        const key = `key ${index}`
        const own = alone.get(key) ?? limiterOf(new ClientTable(1), 5, 4)
        alone.set(key, own)
        const admitted = limiter.check(key, cost, now).allowed
        // Charged with what was admitted here, a bucket of its own never runs dry.
        if (admitted && !own.check(key, cost, now).allowed) return false
        if (table.size > maxKeys) return false
      }
      return true
    })
  )
  t.pass()
})

t.test('a key that is a slice of a header does not keep the header alive', async (t) => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const limiter = limiterOf(new ClientTable(10_000), 1)
  collect()
  const before = process.memoryUsage().heapUsed
  for (let index = 0; index < 3000; index++) {
    const header = `Bearer ${String(index).padStart(40, '0')}${'x'.repeat(16_000)}`
    // Flat, as a header is.
    limiter.check(Buffer.from(header).toString('latin1').slice(7, 47), 1, index)
  }
  collect()
  const grown = process.memoryUsage().heapUsed - before
  t.ok(grown < 5_000_000, `${grown} bytes for 3000 keys`)
})

t.test('what was forgotten at the end is not kept by the round that was under way', async (t) => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const table = new ClientTable(100_000)
  const limiter = limiterOf(table, 1)
  for (let index = 0; index < 50_000; index++) limiter.check(`key ${index}`, 1, 0)
  collect()
  const before = process.memoryUsage().heapUsed
  table.clear()
  collect()
  const freed = before - process.memoryUsage().heapUsed
  t.ok(freed > 2_000_000, `${freed} bytes of 50,000 keys`)
  t.ok(limiter.check('key 0', 1, 0).allowed, 'and it is still in use')
})
