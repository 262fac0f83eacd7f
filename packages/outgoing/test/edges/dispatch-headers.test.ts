import t from 'tap'
import { DispatchHeaders } from '../../dist/edges/dispatch-headers.js'

t.test('fields in every form that a dispatcher takes can be read and added to', async (t) => {
  for (const [form, given] of [
    ['an object', { Accept: 'text/html', cookie: 'a=1' }],
    ['a list', ['Accept', 'text/html', 'cookie', 'a=1']],
    ['pairs', [['Accept', 'text/html'] as const, ['cookie', 'a=1'] as const].values()],
    ['a Map', new Map(Object.entries({ Accept: 'text/html', cookie: 'a=1' }))]
  ] as const) {
    const headers = new DispatchHeaders(given)
    t.equal(headers.get('accept'), 'text/html', form)
    t.equal(headers.get('cookie'), 'a=1', form)
    t.equal(headers.get('x-new'), undefined, form)
    headers.set('accept', 'text/plain')
    headers.set('x-new', '1')
    t.strictSame({ ...headers.fields }, { Accept: 'text/plain', cookie: 'a=1', 'x-new': '1' }, form)
  }
  const headers = new DispatchHeaders(new Headers({ Accept: 'text/html' }))
  headers.set('x-new', '1')
  t.strictSame({ ...headers.fields }, { accept: 'text/html', 'x-new': '1' })
})

t.test('no fields are an empty list of them', async (t) => {
  for (const given of [undefined, null, {}, []]) {
    t.strictSame({ ...new DispatchHeaders(given).fields }, {})
  }
})

t.test('what was given is not changed, and nothing of it is lost', async (t) => {
  const given = { accept: ['a', 'b'], 'x-none': undefined }
  const headers = new DispatchHeaders(given)
  t.equal(headers.get('accept'), 'a,b')
  t.equal(headers.get('x-none'), undefined)
  headers.set('accept', 'c')
  t.strictSame(given, { accept: ['a', 'b'], 'x-none': undefined })

  const list = new DispatchHeaders(['cookie', 'a', 'cookie', 'b', 'cookie', 'c', '__proto__', 'd'])
  t.strictSame(list.fields['cookie'], ['a', 'b', 'c'])
  t.equal(list.get('__proto__'), 'd')
  const pairs = new DispatchHeaders([['accept', ['a', 'b']]].values())
  t.strictSame(pairs.fields['accept'], ['a', 'b'])
})
