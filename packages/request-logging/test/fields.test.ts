import fc from 'fast-check'
import t from 'tap'
import { AddedFields } from '../dist/fields.js'

const reserved: ReadonlySet<string> = new Set(['status', 'socket'])

function added(...many: object[]): AddedFields {
  const fields = new AddedFields()
  for (const one of many) fields.add(one as Record<string, unknown>, reserved)
  return fields
}

t.test('fields are collected, the later of two stands', async (t) => {
  const { values } = added({ user: 'ada', items: 2 }, { items: 3, note: '\u001b[31mred\n' })
  t.same(values, { user: 'ada', items: 3, note: '\ufffd[31mred\ufffd' })
})

t.test('values are those of the moment they were added', async (t) => {
  const order = { items: [1] }
  const { values } = added({ order })
  order.items.push(2)
  t.same(values, { order: { items: [1] } })
})

t.test('a reserved name and the prototype cannot be reached', async (t) => {
  const hostile =
    '{"__proto__":{"admin":true},"status":1,"constructor":"mine","socket":{},"a":{"__proto__":{"b":1}}}'
  const { values } = added(JSON.parse(hostile))
  t.same(Object.entries(values), [
    ['constructor', 'mine'],
    ['a', {}]
  ])
  t.equal(Object.getPrototypeOf(values), Object.prototype)
  t.notOk('admin' in {})
})

t.test('text and objects that are secrets by their name are masked, at any depth', async (t) => {
  const { values, dropped } = added({
    password: 'hunter2',
    'set-cookie': ['a=hunter2'],
    apiKey: { id: 'hunter2' },
    tokens: 512,
    sessionActive: true,
    token: null,
    user: { name: 'ada', accessToken: 'hunter2', roles: [{ client_secret: 'hunter2' }] }
  })
  t.same(values, {
    password: 'REDACTED',
    'set-cookie': 'REDACTED',
    apiKey: 'REDACTED',
    tokens: 512,
    sessionActive: true,
    token: null,
    user: { name: 'ada', accessToken: 'REDACTED', roles: [{ client_secret: 'REDACTED' }] }
  })
  t.equal(dropped, 0)
})

t.test('what JSON cannot hold is written as what can be read', async (t) => {
  const { values } = added({
    big: 2n ** 64n,
    when: new Date(0),
    none: undefined,
    nobody: Symbol('s'),
    call: () => 1,
    bytes: Buffer.from('hunter2'),
    wrong: new TypeError('not so'),
    list: [undefined, 1],
    get broken() {
      throw new Error('mine')
    },
    proxy: new Proxy(
      {},
      {
        ownKeys() {
          throw new Error('mine')
        }
      }
    )
  })
  t.match(values, {
    big: '18446744073709551616',
    when: '1970-01-01T00:00:00.000Z',
    bytes: '7 bytes',
    wrong: { type: 'TypeError', message: 'not so', stack: /^TypeError: not so\n/ },
    list: [null, 1],
    broken: 'unreadable',
    proxy: {}
  })
  for (const name of ['none', 'nobody', 'call']) t.notOk(name in values, name)
  // @ts-expect-error no fields
  t.doesNotThrow(() => new AddedFields().add(null, reserved))
  // @ts-expect-error no fields
  t.doesNotThrow(() => new AddedFields().add('text', reserved))
})

t.test('there is an end to everything, and the line says so', async (t) => {
  const loop: Record<string, unknown> = {}
  loop['self'] = loop
  t.equal(JSON.stringify(added({ loop }).values), `{"loop":${'{"self":'.repeat(5)}{}}}}}}}`)
  t.equal(added({ loop }).dropped, 1)

  const many = added(Object.fromEntries(Array.from({ length: 1000 }, (_, n) => [`n${n}`, n])))
  t.equal(Object.keys(many.values).length, 256)
  t.equal(many.dropped, 1)

  const list = added({ list: new Array(1e9) })
  t.equal((list.values['list'] as unknown[]).length, 255)
  t.equal(list.dropped, 1)

  const long = added({ text: 'x'.repeat(1e6), ['y'.repeat(129)]: 1 })
  t.match(long.values['text'], /^x{1023}…$/)
  t.equal(long.dropped, 1)

  const texts = added(
    Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`t${n}`, 'z'.repeat(2000)]))
  )
  t.equal(Object.keys(texts.values).length, 15)
  t.equal(texts.dropped, 5)
  const full = added(
    { long: 'x'.repeat(2000) },
    ...Array.from({ length: 20 }, () => ({ long: 'x'.repeat(2000) })),
    {
      wrong: new Error('e'),
      [`${'n'.repeat(100)}`]: 1
    }
  )
  t.ok(full.dropped > 0)
  const forever = { toJSON: (): unknown => forever }
  t.same(added({ forever }).values, {})
})

t.test(
  'whatever is added, the line stays JSON, small, and without control characters',
  async (t) => {
    const property = fc.property(
      fc.array(fc.dictionary(fc.string({ unit: 'binary' }), fc.anything())),
      (many) => {
        const { values } = added(...many)
        const text = JSON.stringify(values)
        const names = Object.getOwnPropertyNames(values)
        return (
          text.length < 200_000 && !/\\u00[01]|[\x7f-\x9f]/.test(text) && !names.includes('status')
        )
      }
    )
    t.doesNotThrow(() => fc.assert(property))
  }
)
