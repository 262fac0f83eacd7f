import diagnosticsChannel from 'node:diagnostics_channel'
import { type Channel, channel, subscribe } from '@holdfast/core'
import t from 'tap'
import { eventually } from '../../../test/support/http.ts'
import { warningsOf } from './warnings.ts'

declare module '@holdfast/core' {
  interface ChannelPayloads {
    'holdfast:test:happened': { readonly what: string }
  }
}

const happened: Channel<{ readonly what: string }> = channel('holdfast:test:happened')

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
      code: 'HOLDFAST_CALLBACK_FAILED',
      name: 'HoldfastWarning',
      message: /an error of a listener of the channel holdfast:test:happened;.*deaf/
    }
  ])
})

t.test('a listener that rejects is reported once, and ends nothing', async (t) => {
  const warnings = warningsOf(t)
  const end = subscribe('holdfast:test:happened', async ({ what }) => {
    throw new Error(`deaf to ${what}`)
  })
  for (const what of ['one', 'two']) happened.publish({ what })
  await eventually(() => warnings.length > 0)
  end()
  t.match(warnings, [{ message: /holdfast:test:happened;.*deaf to one/ }])
  t.equal(warnings.length, 1)
})
