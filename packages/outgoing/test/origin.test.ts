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
  for (const [path, href] of paths) t.equal(resolvePath('payments', origin, path).href, href)
  const escapes = [
    '//evil.example/x',
    '\\\\evil.example/x',
    '/\\evil.example/x',
    'https://evil.example',
    'http://payments.example/',
    'https://payments.example:444/',
    '\t//evil.example',
    'javascript:alert(1)',
    'https://'
  ]
  for (const path of escapes) {
    t.throws(() => resolvePath('payments', origin, path), {
      code: 'HOLDFAST_ERR_OUTGOING_FOREIGN_PATH'
    })
  }
})

t.test('requests are of an origin however it is written', async (t) => {
  for (const same of [
    'https://payments.example',
    'https://payments.example/',
    'https://payments.example:443',
    'HTTPS://Payments.Example',
    new URL('https://payments.example/x')
  ]) {
    t.ok(isSameOrigin(same, origin), String(same))
  }
  for (const other of ['http://payments.example', 'https://payments.example.evil', 'payments', 7]) {
    t.notOk(isSameOrigin(other, origin), String(other))
  }
})
