/**
 * Every piece of code on the page about moving from @fastify/rate-limit, run as it stands there.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { root, runQuietly } from './support/pack.js'

const page = await readFile(join(root, 'docs', 'migrating-from-fastify-rate-limit.md'), 'utf8')
const snippets = [...page.matchAll(/^```js\n(.*?)^```$/gms)].map(([, code = '']) => code)

// Below the repository's own modules, so that the code finds them.
const cache = join(root, 'node_modules', '.cache')
await mkdir(cache, { recursive: true })
const folder = await mkdtemp(join(cache, 'migration-page-'))
t.teardown(() => rm(folder, { recursive: true, force: true }))

let taken = 0

/** The app of the snippet in which `part` occurs, and no other. */
async function appWith(part: string): Promise<FastifyInstance> {
  const file = join(folder, `${taken++}.mjs`)
  const [code, ...others] = snippets.filter((code) => code.includes(part))
  if (code === undefined || others.length > 0) throw new Error(`not one snippet with ${part}`)
  await writeFile(file, `${code}\nexport { app }`)
  return (await import(pathToFileURL(file).href)).app
}

async function headersOf(app: FastifyInstance, url: string) {
  return (await app.inject(url)).headers
}

t.test('one line is changed', async (t) => {
  const app = await appWith("// was '@fastify/rate-limit'")
  t.match(await headersOf(app, '/'), { 'x-ratelimit-limit': '100', 'x-ratelimit-reset': '60' })
  t.match(await headersOf(app, '/login'), { 'x-ratelimit-limit': '5', 'x-ratelimit-reset': '3600' })
})

t.test('in CommonJS as well', async (t) => {
  taken++
  const code = snippets.find((code) => code.includes("require('fastify')"))
  const file = join(folder, 'required.cjs')
  await writeFile(
    file,
    `${code}
    app.get('/', () => 'hello')
    app.inject('/').then(({ headers }) => console.log(headers['x-ratelimit-remaining']))`
  )
  t.same(await runQuietly(process.execPath, [file], folder), { stdout: '99\n', stderr: '' })
})

t.test('both plugins are in one app', async (t) => {
  const app = await appWith('import compat')
  const [old, moved] = [await headersOf(app, '/old'), await headersOf(app, '/moved')]
  t.match(old, { 'x-ratelimit-remaining': '99', ratelimit: undefined })
  t.match(moved, { ratelimit: /r=99/, 'x-ratelimit-remaining': undefined })
})

t.test('the native plugin counts and speaks in the old way', async (t) => {
  const app = await appWith("algorithm: 'fixed-window'")
  t.match(await headersOf(app, '/'), {
    'x-ratelimit-limit': '100',
    'x-ratelimit-remaining': '99',
    'x-ratelimit-reset': '60'
  })
})

t.test('a refusal is answered and told of in your own words', async (t) => {
  const app = await appWith('slowDown')
  const told: unknown[] = []
  app.addHook('onRequest', async (request) => {
    t.intercept(request.log, 'warn', { value: (...said: unknown[]) => told.push(said) })
  })
  await app.inject('/')
  const refused = await app.inject('/')
  t.equal(refused.statusCode, 429)
  t.equal(refused.headers['retry-after'], '60')
  t.match(refused.json(), { slowDown: true, retryIn: Number })
  t.strictSame(told, [[{ key: '127.0.0.1' }, 'too many requests']])
})

t.test('nothing on the page was left out', async (t) => {
  t.equal(taken, snippets.length)
})
