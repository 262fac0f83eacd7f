import t from 'tap'
import { addFields } from '../dist/fields.js'

t.test('fields are collected, the later of two stands', async (t) => {
  const collected: Record<string, unknown> = {}
  addFields(collected, { user: 'ada', items: 2 })
  addFields(collected, { items: 3, note: '\u001b[31mred' })
  t.same(collected, { user: 'ada', items: 3, note: '\ufffd[31mred' })
})

t.test('a reserved name and the prototype cannot be reached', async (t) => {
  const collected: Record<string, unknown> = {}
  const hostile = '{"__proto__":{"admin":true},"status":1,"constructor":"mine","socket":{}}'
  addFields(collected, JSON.parse(hostile))
  t.same(Object.entries(collected), [['constructor', 'mine']])
  t.equal(Object.getPrototypeOf(collected), Object.prototype)
  t.notOk('admin' in {})
})
