/**
 * The code of `docs/beside-other-plugins.md`, run as it stands there.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { root } from '../support/pack.js'

const page = await readFile(join(root, 'docs', 'beside-other-plugins.md'), 'utf8')
const [service = '', byUser = '', ...bundles] = [...page.matchAll(/^```js\n(.*?)^```$/gms)].map(
  ([, code = '']) => code
)

// Below the modules of this folder, so that the code finds them.
const cache = join(root, 'test', 'beside', 'node_modules', '.cache')
await mkdir(cache, { recursive: true })
const folder = await mkdtemp(join(cache, 'page-'))
t.teardown(() => rm(folder, { recursive: true, force: true }))

t.test('the order of the page is that of the tests', async (t) => {
  const file = join(folder, 'service.mjs')
  await writeFile(
    file,
    `${service.replace('serverOptions()', 'serverOptions({ logger: { level: "fatal" } })')}
    ${byUser}
    export { app }`
  )
  const { app }: { app: FastifyInstance } = await import(pathToFileURL(file).href)
  t.teardown(() => app.close())
  const origin = 'https://shop.example'
  t.match(
    bundles.map((code) => code.includes('await build')),
    [true]
  )

  const stranger = await app.inject({ url: '/orders', headers: { origin } })
  t.equal(stranger.statusCode, 401)
  t.match(stranger.headers, {
    'access-control-allow-origin': origin,
    'access-control-expose-headers': 'Retry-After, RateLimit, RateLimit-Policy',
    'content-security-policy': String,
    ratelimit: /r=99\b/
  })
  t.equal((await app.inject('/livez')).statusCode, 200)

  const authorization = `Bearer ${app.jwt.sign({ id: 'ann' })}`
  t.equal((await app.inject({ url: '/orders', headers: { authorization } })).statusCode, 200)
  const reports = await app.inject({ url: '/reports', headers: { authorization } })
  t.match(reports.headers['ratelimit-policy'], /q=20;w=3600/)
})
