import { isPlainPath, pathOf, queryOf, secretPartsOf, withoutSecrets } from '@holdfast/core'
import fc from 'fast-check'
import t from 'tap'

t.test('only the path of a target is left', async (t) => {
  const cases: [string, string][] = [
    ['/', '/'],
    ['/a/b?token=secret', '/a/b'],
    ['/a#token=secret', '/a'],
    ['/a?', '/a'],
    ['/a;b=c', '/a;b=c'],
    ['?token=secret', '/'],
    ['', '/'],
    ['*', '*'],
    ['http://user:secret@host:80/a?token=secret', '/a'],
    ['http://user:secret@host', '/'],
    ['HTTPS://host?token=secret', '/'],
    ['user:secret@host:443', 'host:443'],
    ['/%41%zz', '/%41%zz'],
    ['/caf\u00c3\u00a9', '/caf%C3%A9'],
    ['/\u009b31m\u007f', '/%9B31m%7F'],
    ['/€\ud800', '/%E2%82%AC%EF%BF%BD'],
    ['/a b"', '/a%20b"']
  ]
  for (const [target, path] of cases) t.equal(pathOf(target, false), path, target)
  t.equal(pathOf('/a;token=secret?b', true), '/a')
})

t.test('whatever is sent, a path is printable and holds no query', async (t) => {
  const property = fc.property(
    fc.string({ unit: 'binary' }),
    fc.string(),
    fc.boolean(),
    (path, query, semicolons) => {
      const logged = pathOf(`/${path}?${query}`, semicolons)
      return /^\/[\x21-\x7e]*$/.test(logged) && !/[?#]/.test(logged)
    }
  )
  t.doesNotThrow(() => fc.assert(property))
})

t.test('a path has an end', async (t) => {
  t.equal(pathOf(`/${'a'.repeat(2000)}?b`, false), `/${'a'.repeat(1022)}…`)
})

t.test('of a query the names are left, and the values that may be shown', async (t) => {
  const show = new Set(['page', 'sort'])
  const cases: [string, string | undefined][] = [
    ['/', undefined],
    ['/?', undefined],
    ['/#a?b=c', undefined],
    ['/?page=2', 'page=2'],
    ['/?page=2&token=secret&sort=a%20b#page=3', 'page=2&token=REDACTED&sort=a%20b'],
    ['/?secret', 'REDACTED'],
    ['/?=secret', 'REDACTED'],
    ['/?sec%20ret=1&se cret=1&\u001b[31m=1', 'REDACTED&REDACTED&REDACTED'],
    ['/?filter[name]=secret', 'filter[name]=REDACTED'],
    ['/?page=\u001b[31m', 'page=%1B[31m'],
    ['/?page=', 'page='],
    [`/?page=${'9'.repeat(1000)}`, `page=${'9'.repeat(255)}…`],
    [`/?${'a=b&'.repeat(40)}`, `${'a=REDACTED&'.repeat(32)}…`],
    [`/?${'a'.repeat(65)}=b`, 'REDACTED']
  ]
  for (const [target, query] of cases) t.equal(queryOf(target, false, show), query, target)
  t.equal(queryOf('/a;token=secret', true, show), 'token=REDACTED')
})

t.test(
  'the secret parts of a target are its query, its fragment and its credentials',
  async (t) => {
    const cases: [string, boolean, string[]][] = [
      ['/a', false, []],
      ['/a?', false, []],
      ['/a?b=c', false, ['?b=c']],
      ['/a?b=c#d', false, ['?b=c', '#d']],
      ['/a#b?c', false, ['#b?c']],
      ['/a;b=c', false, []],
      ['/a;b=c?d', true, [';b=c?d']],
      ['user:secret@host:443', false, ['user:secret@']],
      ['/a?b=%C3%A9', false, ['?b=%C3%A9', '?b=é']],
      ['/a?b=%zz', false, ['?b=%zz', '?b=%zz']]
    ]
    for (const [target, semicolons, parts] of cases) {
      t.same(secretPartsOf(target, semicolons), parts, target)
    }
  }
)

t.test('a text that repeats the target says it without its secret parts', async (t) => {
  t.equal(withoutSecrets('Route GET:/a?b=c not found', ['?b=c']), 'Route GET:/a not found')
  t.equal(withoutSecrets('/a?b=c and /a#d', ['?b=c', '#d']), '/a and /a')
  t.equal(withoutSecrets('Why? Not so', []), 'Why? Not so')
})

t.test('a text has no credentials of any URL', async (t) => {
  const cases = [
    ['cannot GET http://ada:hunter2@host:80/a', 'cannot GET http://host:80/a'],
    ['postgres://ada:p@ss@db/orders failed', 'postgres://db/orders failed'],
    ['http://host/@ada and mail@host', 'http://host/@ada and mail@host'],
    ['a://b@c/ d://e:f@g?h', 'a://c/ d://g?h']
  ] as const
  for (const [text, clean] of cases) t.equal(withoutSecrets(text, []), clean)
})

t.test('a long text without an end of its URL costs no more than its length', async (t) => {
  const text = `a://${'b'.repeat(2 ** 20)}`
  t.equal(withoutSecrets(text.repeat(4), []).length, text.length * 4)
})

t.test('a plain path is one that would be written as it is, without a query', async (t) => {
  const near = fc.string({
    unit: fc.constantFrom(...'/ab:=<>@~!"$?#; \u007f\u00e9\n'),
    maxLength: 12
  })
  const property = fc.property(near, fc.boolean(), (rest, semicolons) => {
    const target = `/${rest}`
    const isWhole =
      pathOf(target, semicolons) === target && queryOf(target, semicolons, new Set()) === undefined
    return isPlainPath(target) === (isWhole && !target.includes(';'))
  })
  t.doesNotThrow(() => fc.assert(property, { numRuns: 2000 }))
  t.ok(isPlainPath(`/${'a'.repeat(1023)}`))
  t.notOk(isPlainPath(`/${'a'.repeat(1024)}`))
  t.notOk(isPlainPath('http://localhost/'))
})
