import t from 'tap'
import { messageOf, reasonOf } from '../dist/error-text.js'

t.test('the message of whatever was thrown', (t) => {
  t.equal(messageOf(new Error('a bug')), 'a bug')
  t.equal(messageOf(new Error('')), 'an error without a message')
  t.equal(messageOf('a bug'), 'the text "a bug" was thrown')
  t.equal(messageOf(undefined), 'undefined was thrown')
  const unreadable = Object.defineProperty(new Error(), 'message', {
    get() {
      throw new Error('no')
    }
  })
  t.equal(messageOf(unreadable), 'an error that cannot be shown')
  t.end()
})

t.test('neither secrets nor control characters, and not too long', (t) => {
  t.equal(messageOf(new Error('no postgres://user:secret@db/x')), 'no postgres://db/x')
  t.equal(messageOf(new Error('one\ntwo\u001b[2J')), 'one\ufffdtwo\ufffd[2J')
  t.equal(messageOf(new Error('x'.repeat(2000))).length, 1000)
  t.end()
})

t.test('a reason names codes and causes, also those in a circle', async (t) => {
  const failed = await fetch('http://127.0.0.1:9/').catch((error: unknown) => error)
  t.match(reasonOf(failed), /^fetch failed: .*(ECONNREFUSED|bad port)/)
  t.equal(reasonOf(Object.assign(new Error('reset'), { code: 'ECONNRESET' })), 'reset (ECONNRESET)')
  t.equal(reasonOf(Object.assign(new Error('ECONNRESET'), { code: 'ECONNRESET' })), 'ECONNRESET')
  t.equal(reasonOf(Object.assign(new Error('no'), { code: 7 })), 'no')
  t.equal(reasonOf(undefined), 'undefined was thrown')
  const circle = new Error('round')
  circle.cause = circle
  t.equal(reasonOf(circle), 'round: round: round: round: round')
  const unreadable = Object.defineProperty(new Error('why'), 'cause', {
    get() {
      throw new Error('no')
    }
  })
  t.equal(reasonOf(unreadable), 'why')
})
