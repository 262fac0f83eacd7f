import { printable, printableLines } from '@holdfast/core'
import t from 'tap'

t.test('control characters are replaced', async (t) => {
  t.equal(printable('\u001b[31mred\u009b0m\u007f\0', 99), '\ufffd[31mred\ufffd0m\ufffd\ufffd')
  t.equal(printable('a\n\tb\r\u202ec\u2028\u061c', 99), 'a\ufffd\ufffdb\ufffd\ufffdc\ufffd\ufffd')
  t.equal(printable('abc', 3), 'abc')
  t.equal(printable('abcd', 3), 'ab…')
})

t.test('where lines are wanted, line ends and tabs stay', async (t) => {
  t.equal(printableLines('Error: no\n\tat once\u001b', 99), 'Error: no\n\tat once\ufffd')
  t.equal(printableLines('plain', 99), 'plain')
})
