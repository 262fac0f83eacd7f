/**
 * Covers `edges/function-name.ts` where it finds nothing out. In a process of its own: the inspector
 * makes V8 forget what is covered.
 */
import t from 'tap'
import { nameOf } from '../dist/edges/function-name.js'

t.test('where there is no inspector, a function without a name has none', async (t) => {
  const { getBuiltinModule } = process
  t.teardown(() => Object.assign(process, { getBuiltinModule }))
  Object.assign(process, { getBuiltinModule: () => undefined })
  t.equal(
    nameOf(function close() {}),
    'close'
  )
  t.equal(
    nameOf(() => {}),
    '(anonymous)'
  )
})
