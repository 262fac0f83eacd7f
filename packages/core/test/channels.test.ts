import diagnosticsChannel from 'node:diagnostics_channel'
import { type Channel, channel, reportOnce, subscribe } from '@holdfast/core'
import t, { type Test } from 'tap'
import { eventually } from '../../../test/support/http.ts'

declare module '@holdfast/core' {
  interface ChannelPayloads {
    'holdfast:test:happened': { readonly what: string }
  }
}

const happened: Channel<{ readonly what: string }> = channel('holdfast:test:happened')

function warningsOf(t: Test): Error[] {
  const warnings: Error[] = []
  const collect = (warning: Error): void => {
    warnings.push(warning)
  }
  process.on('warning', collect)
  t.teardown(() => process.off('warning', collect))
  return warnings
}

t.test('a listener hears what is published until it ends its subscription', async (t) => {
  const heard: string[] = []
  t.equal(happened.hasSubscribers, false)
  const end = subscribe('holdfast:test:happened', ({ what }) => heard.push(what))
  t.equal(happened.hasSubscribers, true)
  happened.publish({ what: 'one' })
  diagnosticsChannel.channel('holdfast:test:happened').publish({ what: 'two' })
  end()
  t.equal(happened.hasSubscribers, false)
  happened.publish({ what: 'three' })
  t.strictSame(heard, ['one', 'two'])
})

t.test('the same listener may subscribe twice and end each on its own', async (t) => {
  let heard = 0
  const listener = (): number => heard++
  const ends = [
    subscribe('holdfast:test:happened', listener),
    subscribe('holdfast:test:happened', listener)
  ]
  happened.publish({ what: 'one' })
  t.equal(heard, 2)
  ends[0]?.()
  happened.publish({ what: 'two' })
  t.equal(heard, 3)
  ends[1]?.()
  t.equal(happened.hasSubscribers, false)
})

t.test('a listener that throws is reported once, and the others hear', async (t) => {
  const warnings = warningsOf(t)
  const heard: string[] = []
  const ends = [
    subscribe('holdfast:test:happened', () => {
      throw new Error('deaf')
    }),
    subscribe('holdfast:test:happened', ({ what }) => heard.push(what))
  ]
  for (const what of ['one', 'two']) happened.publish({ what })
  await eventually(() => warnings.length > 0)
  for (const end of ends) end()
  t.strictSame(heard, ['one', 'two'])
  t.match(warnings, [
    {
      code: 'HOLDFAST_LISTENER_THREW',
      name: 'HoldfastWarning',
      message: /A listener of the channel holdfast:test:happened threw;.*deaf/
    }
  ])
})

t.test('a report says what was thrown, error or not, and ends after a hundred', async (t) => {
  const warnings = warningsOf(t)
  const stackless = new Error('no stack')
  delete stackless.stack
  reportOnce({}, 'a test', stackless)
  reportOnce({}, 'a test', 'just text')
  for (let count = 0; count < 200; count++) reportOnce({}, 'a test', count)
  await eventually(() => warnings.length > 90)
  t.match(warnings.slice(0, 2), [{ message: /no stack$/ }, { message: /just text$/ }])
  t.ok(warnings.length <= 100, 'a callback made anew for each request cannot flood the log')
})
