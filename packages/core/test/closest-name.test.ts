import * as fc from 'fast-check'
import t from 'tap'
import { closestName, mistakesIn } from '../dist/closest-name.js'

const NAMES = ['max', 'timeWindow', 'keyGenerator', 'storeTimeout', 'ipv6Subnet', 'hook']

t.test('a misspelt name is the one with the fewest mistakes', async (t) => {
  for (const [misspelt, name] of [
    ['maxx', 'max'],
    ['mxa', 'max'],
    ['timewindow', 'timeWindow'],
    ['time_window', 'timeWindow'],
    ['timeWidnow', 'timeWindow'],
    ['keygen', undefined],
    ['KeyGenrator', 'keyGenerator'],
    ['hok', 'hook'],
    ['banana', undefined],
    ['', undefined]
  ] as const) {
    t.equal(closestName(misspelt, NAMES), name, misspelt)
  }
})

t.test('of several that are as close the first is meant', async (t) => {
  t.equal(closestName('cat', ['cut', 'cot']), 'cut')
})

t.test('mistakes are counted as a person would', async (t) => {
  for (const [misspelt, name, mistakes] of [
    ['rateLimit', 'rateLimit', 0],
    ['rate-limit', 'rateLimit', 0],
    ['rateLimt', 'rateLimit', 1],
    ['rateLimmit', 'rateLimit', 1],
    ['rateLumit', 'rateLimit', 1],
    ['rateLimti', 'rateLimit', 1],
    ['rtaeLimti', 'rateLimit', 2],
    ['', 'max', 3]
  ] as const) {
    t.equal(mistakesIn(misspelt, name), mistakes, misspelt)
  }
})

const word = fc.string({ unit: fc.constantFrom(...'abcdE-_'), maxLength: 12 })

t.test('the number of mistakes is a distance', async () => {
  fc.assert(
    fc.property(word, word, (one, other) => {
      const mistakes = mistakesIn(one, other)
      const [from, to] = [one, other].map((name) => name.toLowerCase().replace(/[-_]/g, ''))
      return (
        mistakes === mistakesIn(other, one) &&
        (mistakes === 0) === (from === to) &&
        mistakes >= Math.abs(String(from).length - String(to).length) &&
        mistakes <= Math.max(String(from).length, String(to).length)
      )
    })
  )
})

t.test('one wrong letter in a name of three or more still finds it', async () => {
  fc.assert(
    fc.property(fc.constantFrom(...NAMES), fc.nat(), (name, at) => {
      const place = at % name.length
      const misspelt = `${name.slice(0, place)}§${name.slice(place + 1)}`
      return closestName(misspelt, NAMES) === name
    })
  )
})

t.test('a name of any length is answered at once', async (t) => {
  t.equal(closestName('x'.repeat(1_000_000), NAMES), undefined)
  t.equal(closestName('max', ['m'.repeat(1_000_000)]), undefined)
})
