import t from 'tap'
import { PendingCount } from '../dist/pending-count.js'
import { Tasks } from '../dist/tasks.js'

function setUp() {
  let now = 0
  const failures: [string, unknown][] = []
  const busy = new PendingCount()
  const tasks = new Tasks(
    busy,
    () => now,
    (name, error) => failures.push([name, error])
  )
  return { tasks, busy, failures, pass: (milliseconds: number) => (now += milliseconds) }
}

t.test('work is under way until its promise settles, and a failure is told', async (t) => {
  const { tasks, busy, failures, pass } = setUp()
  let sent: (value?: unknown) => void = () => {}
  let failed: (error: Error) => void = () => {}
  tasks.add('mail', new Promise((resolve) => (sent = resolve)))
  pass(20.4)
  tasks.add('index', new Promise((_, reject) => (failed = reject)))
  pass(10)
  t.same(tasks.unfinished(), [
    { task: 'mail', age: 30 },
    { task: 'index', age: 10 }
  ])
  const idle = busy.whenNone()
  sent()
  failed(new Error('no disk'))
  await idle
  t.same(tasks.unfinished(), [])
  t.match(failures, [['index', { message: 'no disk' }]])
})

t.test('what only looks like a promise counts once, whatever it does', async (t) => {
  const { tasks, busy, failures } = setUp()
  const like = (then: PromiseLike<unknown>['then']): PromiseLike<unknown> => ({ then })
  const twice = like((fulfil, reject) => {
    fulfil?.(1)
    fulfil?.(2)
    reject?.(new Error('and no'))
    return twice as never
  })
  const throws = like(() => {
    throw new Error('no promise')
  })
  tasks.add('twice', twice)
  tasks.add('throws', throws)
  t.equal(busy.count, 2)
  await busy.whenNone()
  t.equal(busy.count, 0)
  t.same(tasks.unfinished(), [])
  t.match(failures, [['throws', { message: 'no promise' }]])
})

t.test('who waits is let go when nothing is left, or when told', async (t) => {
  const { busy } = setUp()
  await busy.whenNone()
  busy.begin()
  busy.begin()
  const idle = busy.whenNone()
  busy.end()
  t.equal(busy.count, 1)
  busy.release()
  await idle
  busy.end()
  await busy.whenNone()
})
