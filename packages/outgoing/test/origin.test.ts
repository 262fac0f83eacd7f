import fc from 'fast-check'
import t from 'tap'
import { isSameOrigin, parseOrigin, resolvePath } from '../dist/origin.js'

const origin = new URL('https://payments.example')

t.test('an origin is a scheme, a host and a port', async (t) => {
  t.equal(parseOrigin('https://payments.example', 'origin').href, 'https://payments.example/')
  t.equal(parseOrigin(new URL('http://[::1]:8080/'), 'origin').origin, 'http://[::1]:8080')
  const wrong = [
    'payments.example',
    'ftp://payments.example',
    'https://payments.example/v1',
    'https://payments.example?x',
    'https://user:secret@payments.example',
    '',
    7,
    undefined
  ]
  for (const given of wrong) {
    t.throws(() => parseOrigin(given, 'upstream("payments").origin'), {
      code: 'HOLDFAST_ERR_OPTION_INVALID',
      message: /upstream\("payments"\)\.origin.*scheme, host and port/
    })
  }
})

t.test('a path leads to the origin, or nowhere', async (t) => {
  const paths = [
    ['/invoices?full', 'https://payments.example/invoices?full'],
    ['invoices/7', 'https://payments.example/invoices/7'],
    ['/../../etc', 'https://payments.example/etc'],
    ['/@evil.example', 'https://payments.example/@evil.example'],
    ['https://payments.example/x', 'https://payments.example/x']
  ] as const
  for (const [path, href] of paths) {
    const url = resolvePath('payments', origin.origin, path)
    t.equal(new URL(url).href, href)
  }
  const escapes = [
    '//evil.example/x',
    '\\\\evil.example/x',
    '/\\evil.example/x',
    '/\t/evil.example/x',
    'https://evil.example',
    'http://payments.example/',
    'https://payments.example:444/',
    '\t//evil.example',
    'javascript:alert(1)',
    'https://'
  ]
  for (const path of escapes) {
    t.throws(() => resolvePath('payments', origin.origin, path), {
      code: 'HOLDFAST_ERR_OUTGOING_FOREIGN_PATH'
    })
  }
})

t.test('a path is read as a URL reads it, however it is written', async (t) => {
  const characters = fc.constantFrom(...'/\\.:@?#%ax\t\n\r \u0000ü', '//', '..', 'evil.example')
  const path = fc.array(characters, { maxLength: 8 }).map((parts) => parts.join(''))
  fc.assert(
    fc.property(path, (path) => {
      const expected = URL.canParse(path, origin.href) ? new URL(path, origin) : undefined
      let found: string | undefined
      try {
        found = new URL(resolvePath('payments', origin.origin, path)).href
      } catch {}
      return found === (expected?.origin === origin.origin ? expected.href : undefined)
    }),
    { numRuns: 5000 }
  )
  t.pass()
})

t.test('requests are of an origin however it is written', async (t) => {
  for (const same of [
    'https://payments.example',
    'https://payments.example/',
    'https://payments.example:443',
    'HTTPS://Payments.Example',
    new URL('https://payments.example/x')
  ]) {
    t.ok(isSameOrigin(same, origin.origin), String(same))
  }
  for (const other of ['http://payments.example', 'https://payments.example.evil', 'payments', 7]) {
    t.notOk(isSameOrigin(other, origin.origin), String(other))
  }
})
