import t from 'tap'
import { nameOf } from '../dist/edges/function-name.js'

t.test('a function is known by its name, or by its file and line', async (t) => {
  t.equal(
    nameOf(function close() {}),
    'close'
  )
  t.match(
    nameOf(() => {}),
    /^file:.*function-name\.test\.[tj]s:\d+$/
  )
  t.equal(nameOf(new Proxy(() => {}, {})), '(anonymous)', 'written nowhere')
  t.notOk(Symbol.for('holdfast.function-asked-for') in globalThis, 'nothing is left behind')
})
