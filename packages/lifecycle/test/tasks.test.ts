import t from 'tap'
import { Busy } from '../dist/busy.js'
import { Tasks } from '../dist/tasks.js'

function setUp() {
  let now = 0
  const failures: [string, unknown][] = []
  const busy = new Busy()
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
  const idle = busy.whenIdle()
  sent()
  failed(new Error('no disk'))
  await idle
  t.same(tasks.unfinished(), [])
  t.match(failures, [['index', { message: 'no disk' }]])
})

t.test('who waits is let go when nothing is left, or when told', async (t) => {
  const { busy } = setUp()
  await busy.whenIdle()
  busy.begin()
  busy.begin()
  const idle = busy.whenIdle()
  busy.end()
  t.equal(busy.count, 1)
  busy.release()
  await idle
  busy.end()
  await busy.whenIdle()
})
