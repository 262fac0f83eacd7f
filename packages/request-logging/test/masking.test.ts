import fc from 'fast-check'
import t from 'tap'
import { pathOf, printable } from '../dist/masking.js'

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

t.test('control characters are replaced, line ends and tabs stay', async (t) => {
  t.equal(printable('\u001b[31mred\u009b0m\u007f\0'), '\ufffd[31mred\ufffd0m\ufffd\ufffd')
  t.equal(printable('Error: no\n\tat once'), 'Error: no\n\tat once')
})
