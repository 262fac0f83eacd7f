/**
 * The listeners of the process, ours and those of others. Covers `edges/process-listeners.ts`.
 */
import { Writable } from 'node:stream'
import { lifecycle } from '@holdfast/lifecycle'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { eventually } from '../../../test/support/http.ts'

function build(t: Test): { app: FastifyInstance; warnings: () => string[] } {
  const lines: { level: number; msg: string }[] = []
  const stream = new Writable({
    write(chunk, _encoding, done) {
      lines.push(JSON.parse(String(chunk)))
      done()
    }
  })
  const app = Fastify({ logger: { level: 'warn', stream } })
  app.register(lifecycle, { timeouts: false })
  t.teardown(() => app.close())
  return { app, warnings: () => lines.map(({ msg }) => msg) }
}

t.test('others that listen to the same signals are named, at boot or when they come', async (t) => {
  const { app, warnings } = build(t)
  const early = (): void => {}
  process.on('SIGHUP', early)
  t.teardown(() => process.off('SIGHUP', early))
  await app.ready()
  t.match(warnings(), [/others listen to SIGHUP too: .*early.*signals: false/])

  process.on('SIGINT', () => {})
  t.teardown(() => process.removeAllListeners('SIGINT'))
  await eventually(() => warnings().length === 2)
  t.match(warnings()[1], /others listen to SIGINT too: file:.*process\.test\.[tj]s:\d+\. They/)
  process.on('SIGUSR2', early)
  t.teardown(() => process.off('SIGUSR2', early))
  await new Promise((resolve) => setImmediate(resolve))
  t.equal(warnings().length, 2, 'it does not listen to that one')
})

t.test('with nobody else nothing is said', async (t) => {
  const { app, warnings } = build(t)
  await app.ready()
  t.same(warnings(), [])
})
