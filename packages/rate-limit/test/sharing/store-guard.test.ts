import t from 'tap'
import { StoreGuard } from '../../dist/sharing/store-guard.js'

t.test(
  'opens with the third failure in a row, and closes with a probe that is answered',
  async (t) => {
    const guard = new StoreGuard()
    t.notOk(guard.probe(), 'there is nothing to find out')
    t.strictSame([guard.failed(), guard.failed()], [false, false])
    guard.answered()
    t.strictSame([guard.failed(), guard.failed(), guard.isOpen], [false, false, false])
    t.ok(guard.failed())
    t.ok(guard.isOpen)
    t.notOk(guard.failed(), 'what failed late opens nothing again')
    guard.answered()
    t.ok(guard.isOpen, 'a late answer closes nothing')
    t.strictSame([guard.probe(), guard.probe()], [true, false], 'one at a time')
    t.notOk(guard.probed(false))
    t.ok(guard.isOpen)
    t.ok(guard.probe())
    t.ok(guard.probed(true))
    t.notOk(guard.isOpen)
  }
)

t.test('opens at once where that is known', async (t) => {
  const guard = new StoreGuard()
  t.strictSame([guard.trip(), guard.trip(), guard.isOpen], [true, false, true])
})
