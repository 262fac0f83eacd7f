/**
 * The whole suite with a logger, listeners and callbacks that all fail: every request is answered,
 * and the shutdown is clean.
 */
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { startNode } from './support/process.ts'

t.jobs = 2

const FIXTURE = fileURLToPath(new URL('fixtures/everything-throws.js', import.meta.url))

for (const how of ['throws', 'rejects']) {
  t.test(`whatever ${how}, requests are answered and the shutdown is clean`, async (t) => {
    const service = startNode([FIXTURE], { env: { HOW: how }, coverage: true })
    t.teardown(() => service.stop())
    const origin = `http://127.0.0.1:${(await service.printed(/first on (\d+)/))[1]}`
    const statusOf = async (path: string): Promise<number> => {
      const response = await fetch(origin + path)
      await response.text()
      return response.status
    }
    for (const [path, status] of [
      ['/', 200],
      ['/nowhere', 404],
      ['/%zz', 400],
      ['/denied', 429],
      ['/task', 200],
      ['/readyz', 200],
      ['/livez', 200],
      ['/breaker', 500],
      ['/breaker', 503],
      ['/', 200]
    ] as const) {
      t.equal(await statusOf(path), status, path)
    }
    const failures = (await (await fetch(`${origin}/failures`)).json()) as string[]
    t.match(failures.join(), /check.*classify.*holdfast:rate-limit:denied.*log\.info.*onSettled/)

    const working = fetch(`${origin}/work`)
    await service.printed(/working/)
    service.signal('SIGTERM')
    t.equal((await working).status, 200)
    t.match(await service.exited, { code: 0, signal: null })
    t.match(service.output(), /resources closed/)
    t.notMatch(service.output(), /uncaughtException|unhandledRejection/)
  })
}
