import * as fc from 'fast-check'
import t from 'tap'
import {
  ENVOY_TIMEOUT,
  formatTimeout,
  KNOWN_TIMEOUTS,
  parseAttempt,
  parseTimeout,
  shorterTimeout
} from '../dist/deadline-header.js'

const DAY = 86_400_000
const name = fc.constantFrom(...KNOWN_TIMEOUTS, 'x-timeout')

t.test('headers as Envoy, gRPC and Connect write them', async (t) => {
  for (const [name, header, milliseconds] of [
    [ENVOY_TIMEOUT, '15000', 15_000],
    [ENVOY_TIMEOUT, '1', 1],
    [ENVOY_TIMEOUT, '0015', 15],
    [ENVOY_TIMEOUT, String(DAY), DAY],
    ['connect-timeout-ms', '9999', 9999],
    ['grpc-timeout', '100m', 100],
    ['grpc-timeout', '1S', 1000],
    ['grpc-timeout', '2M', 120_000],
    ['grpc-timeout', '24H', DAY],
    ['grpc-timeout', '1000u', 1],
    ['grpc-timeout', '1001u', 2],
    ['grpc-timeout', '99999999n', 100],
    ['grpc-timeout', '1n', 1],
    ['x-timeout', '70', 70]
  ] as const) {
    t.equal(parseTimeout(name, header), milliseconds, `${name}: ${header}`)
  }
})

t.test('what is no time from 1 ms to a day is ignored', async (t) => {
  for (const header of [
    '',
    '0',
    '-1',
    '+1',
    '1.5',
    '1e9',
    '1e3',
    'abc',
    ' 1',
    '1 ',
    '0x10',
    '1_0'
  ]) {
    for (const name of KNOWN_TIMEOUTS) t.equal(parseTimeout(name, header), undefined, header)
  }
  for (const header of ['86400001', '1000000000', '99999999999', '100, 200', '100m', 'Infinity']) {
    t.equal(parseTimeout(ENVOY_TIMEOUT, header), undefined, header)
  }
  for (const header of ['100', '0m', '123456789n', '25H', '1s', '1 S', '1D', 'm', '100m, 200m']) {
    t.equal(parseTimeout('grpc-timeout', header), undefined, header)
  }
  for (const header of [undefined, null, 100, ['100']]) {
    for (const name of KNOWN_TIMEOUTS) t.equal(parseTimeout(name, header), undefined)
  }
})

t.test('no header, whatever it holds, is more than a time or nothing', async (t) => {
  fc.assert(
    fc.property(
      name,
      fc.oneof(fc.string(), fc.stringMatching(/^\d{0,11}[HMSmun]?$/)),
      (...header) => {
        const milliseconds = parseTimeout(...header)
        return (
          milliseconds === undefined ||
          (Number.isInteger(milliseconds) && milliseconds >= 1 && milliseconds <= DAY)
        )
      }
    )
  )
  t.pass()
})

t.test('a call tells 5 ms less than it has left, at least 1 and at most a day', async (t) => {
  t.equal(formatTimeout(ENVOY_TIMEOUT, 1000), '995')
  // Sums of times are not exact: what is left of 1000 ms may be this.
  t.equal(formatTimeout(ENVOY_TIMEOUT, 999.9999999), '995')
  t.equal(formatTimeout('grpc-timeout', 1000), '995m')
  t.equal(formatTimeout(ENVOY_TIMEOUT, 3), '1')
  t.equal(formatTimeout(ENVOY_TIMEOUT, 0.2), '1')
  t.equal(formatTimeout(ENVOY_TIMEOUT, 10 * DAY), String(DAY))
  for (const left of [0, -1, -Infinity, Infinity]) {
    t.equal(formatTimeout(ENVOY_TIMEOUT, left), undefined, String(left))
  }
  fc.assert(
    fc.property(name, fc.double({ min: 1, max: DAY, noNaN: true }), (name, left) => {
      const told = parseTimeout(name, formatTimeout(name, left)) as number
      return told <= left && left - told <= 6
    })
  )
})

t.test("of the caller's own header and ours the shorter one is sent", async (t) => {
  t.equal(shorterTimeout(ENVOY_TIMEOUT, '200', 1000), '200')
  t.equal(shorterTimeout(ENVOY_TIMEOUT, '2000', 1000), '995')
  t.equal(shorterTimeout('grpc-timeout', '2S', 1000), '995m')
  t.equal(shorterTimeout('grpc-timeout', '900000u', 1000), '900000u')
  t.equal(shorterTimeout(ENVOY_TIMEOUT, 'soon', 1000), 'soon')
  t.equal(shorterTimeout(ENVOY_TIMEOUT, '200', Infinity), '200')
  fc.assert(
    fc.property(
      name,
      fc.integer({ min: 1, max: DAY }),
      fc.integer({ min: 1, max: DAY }),
      (name, given, left) => {
        const header = name === 'grpc-timeout' ? `${given}m` : String(given)
        const sent = parseTimeout(name, shorterTimeout(name, header, left)) as number
        return sent <= given && sent <= left
      }
    )
  )
})

t.test('which try of its caller a request is', async (t) => {
  t.equal(parseAttempt('2'), 2)
  t.equal(parseAttempt('11'), 11)
  for (const header of ['1', '0', '-2', '02', '2.0', 'x', '', '1234567', undefined, 2, ['2']]) {
    t.equal(parseAttempt(header), undefined, String(header))
  }
})
