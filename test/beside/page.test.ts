/**
 * The code of `docs/beside-other-plugins.md`, run as it stands there.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { root } from '../support/pack.js'

const page = await readFile(join(root, 'docs', 'beside-other-plugins.md'), 'utf8')
const snippets = [...page.matchAll(/^```js\n(.*?)^```$/gms)].map(([, code = '']) => code)
const [order = '', byUser = ''] = snippets

// Below the modules of this folder, so that the code finds them.
const cache = join(root, 'test', 'beside', 'node_modules', '.cache')
await mkdir(cache, { recursive: true })
const folder = await mkdtemp(join(cache, 'page-'))
t.teardown(() => rm(folder, { recursive: true, force: true }))

/** Runs a service of the page, which says nothing meanwhile. */
async function run(t: Test, name: string, code: string): Promise<FastifyInstance> {
  const quiet = code.replace('serverOptions()', 'serverOptions({ logger: { level: "silent" } })')
  const file = join(folder, `${name}.mjs`)
  await writeFile(file, `${quiet}\nexport { app }`)
  const { app } = await import(pathToFileURL(file).href)
  t.teardown(() => app.close())
  return app
}

function bearer(app: FastifyInstance): { authorization: string } {
  return { authorization: `Bearer ${app.jwt.sign({ id: 'ann' })}` }
}

t.test('the one order', async (t) => {
  const app = await run(t, 'order', order)
  const origin = 'https://shop.example'
  const stranger = await app.inject({ url: '/orders', headers: { origin } })
  t.equal(stranger.statusCode, 401)
  t.match(stranger.headers, {
    'access-control-allow-origin': origin,
    'access-control-expose-headers': 'Retry-After, RateLimit, RateLimit-Policy',
    'content-security-policy': String,
    ratelimit: /r=99\b/
  })
  t.equal((await app.inject('/livez')).statusCode, 200)
  t.equal((await app.inject({ url: '/orders', headers: bearer(app) })).statusCode, 200)
})

t.test('a limit by address, and one by user', async (t) => {
  const imports = order.slice(0, order.indexOf('await app.register(cookie)'))
  const [authentication = ''] = /^await app\.register\(jwt.*$/m.exec(order) ?? []
  const app = await run(t, 'by-user', `${imports}\n${authentication}\n${byUser}`)
  const reports = () => app.inject({ url: '/reports', headers: bearer(app) })
  const statuses = []
  for (let sent = 0; sent < 21; sent++) statuses.push((await reports()).statusCode)
  t.same(statuses, [...Array(20).fill(200), 429])
  t.match((await reports()).headers['ratelimit-policy'], /q=20;w=3600/)
})

t.test('no other code on the page is left out, except that of a bundler', async (t) => {
  t.match(snippets.slice(2), [/^import { build } from 'esbuild'/])
})
