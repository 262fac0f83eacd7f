/**
 * `@fastify/compress`, `@fastify/static` and `@fastify/multipart` beside the suite.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import compress from '@fastify/compress'
import multipart from '@fastify/multipart'
import files from '@fastify/static'
import holdfast from 'holdfast'
import t from 'tap'
import { request } from 'undici'
import { eventually, listen } from '../support/http.ts'
import { quiet, service } from './service.ts'

const LONG = 'x'.repeat(10_000)

t.test('compressed answers have their line, their bytes and their limit', async (t) => {
  const { app, requests, warnings } = service(t)
  await app.register(holdfast, { lifecycle: quiet, rateLimit: { max: 1 } })
  await app.register(compress)
  app.get('/', async () => ({ text: LONG }))
  const url = `http://127.0.0.1:${await listen(app)}/`
  const headers = { 'accept-encoding': 'gzip' }
  const first = await request(url, { headers })
  t.match(first.headers, { 'content-encoding': 'gzip', ratelimit: /r=0\b/ })
  const body = Buffer.from(await first.body.arrayBuffer())
  t.same(JSON.parse(gunzipSync(body).toString()), { text: LONG })
  const second = await request(url, { headers })
  t.equal(second.statusCode, 429)
  t.equal(second.headers['content-type'], 'application/problem+json')
  const encoded = Buffer.from(await second.body.arrayBuffer())
  const text = second.headers['content-encoding'] === 'gzip' ? gunzipSync(encoded) : encoded
  t.match(JSON.parse(text.toString()), { status: 429 })
  await eventually(() => requests().length === 2)
  t.match(requests(), [
    { status: 200, outcome: 'ok' },
    { status: 429, outcome: 'refused' }
  ])
  t.same(warnings(), [])
})

t.test('files are limited, and a download that is left is a line', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-files-'))
  t.teardown(() => rm(folder, { recursive: true }))
  await writeFile(join(folder, 'small.txt'), 'small')
  await writeFile(join(folder, 'large.bin'), Buffer.alloc(64 * 2 ** 20))
  const { app, requests, warnings } = service(t)
  await app.register(holdfast, { lifecycle: quiet, rateLimit: { max: 3 } })
  await app.register(files, { root: folder, prefix: '/files/' })
  const url = `http://127.0.0.1:${await listen(app)}/files/`
  const small = await request(`${url}small.txt`)
  t.equal(await small.body.text(), 'small')
  const large = await request(`${url}large.bin`)
  large.body.on('error', () => {}).destroy()
  await eventually(() => requests().length === 2)
  t.match(requests(), [
    { path: '/files/small.txt', status: 200, outcome: 'ok', bytesOut: 5 },
    { path: '/files/large.bin', status: 499, sentStatus: 200, outcome: 'aborted' }
  ])
  const missing = await request(`${url}missing.txt`)
  await missing.body.dump()
  t.equal(missing.statusCode, 404)
  const refused = await request(`${url}small.txt`)
  await refused.body.dump()
  t.equal(refused.statusCode, 429)
  t.same(warnings(), [])
})

t.test('an upload is read, and one that is refused is not', async (t) => {
  const { app, warnings } = service(t)
  await app.register(holdfast, { lifecycle: quiet, rateLimit: { max: 1 } })
  await app.register(multipart)
  let read = 0
  app.post('/', async (request) => {
    const file = await request.file()
    const content = await file?.toBuffer()
    read += content?.length ?? 0
    return { name: file?.filename, bytes: content?.length }
  })
  const url = `http://127.0.0.1:${await listen(app)}/`
  const upload = async () => {
    const form = new FormData()
    form.set('file', new File([LONG], 'a.txt'))
    return fetch(url, { method: 'POST', body: form })
  }
  const first = await upload()
  t.same(await first.json(), { name: 'a.txt', bytes: LONG.length })
  const second = await upload()
  t.equal(second.status, 429)
  t.match(await second.json(), { status: 429 })
  t.equal(read, LONG.length)
  t.same(warnings(), [])
})
