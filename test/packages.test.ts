/**
 * The packages as a user gets them: packed, installed from their tarballs into an empty folder, and
 * used from an ES module, from CommonJS and from strict TypeScript.
 */
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { packAll, root, runQuietly } from './support/pack.js'

t.setTimeout(300_000)

const consumers = join(root, 'test', 'consumers')
const folder = await mkdtemp(join(tmpdir(), 'holdfast-consumers-'))
t.teardown(() => rm(folder, { recursive: true, force: true }))

/** The version of a package that is installed here. */
async function installed(name: string): Promise<string> {
  return JSON.parse(await readFile(join(root, 'node_modules', name, 'package.json'), 'utf8'))
    .version
}

t.before(async () => {
  const tarballs = join(folder, 'tarballs')
  await mkdir(tarballs)
  const packages = await packAll(tarballs)
  const dependencies = Object.fromEntries(
    packages.map(({ name, filename }) => [name, `file:${filename}`])
  )
  for (const name of ['fastify', 'typescript', '@types/node']) {
    dependencies[name] = await installed(name)
  }
  await writeFile(
    join(folder, 'package.json'),
    JSON.stringify({ name: 'consumer', private: true, type: 'module', dependencies })
  )
  for (const file of ['app.mjs', 'app.cjs', 'app.ts', 'tsconfig.json']) {
    await copyFile(join(consumers, file), join(folder, file))
  }
  // The prefix is named because pnpm and npx tell programs below them that it is this repository.
  const quiet = ['--prefer-offline', '--no-audit', '--no-fund', '--no-package-lock']
  await runQuietly('npm', ['install', '--prefix', folder, ...quiet], folder)
})

/** Runs a consumer, which says ok, and nothing else: neither it nor Node has a warning to give. */
async function runs(t: Test, file: string): Promise<void> {
  t.same(await runQuietly(process.execPath, [file], folder), { stdout: 'ok\n', stderr: '' })
}

t.test('an ES module imports every package', async (t) => {
  await runs(t, 'app.mjs')
})

t.test('CommonJS requires every package', async (t) => {
  await runs(t, 'app.cjs')
})

t.test('strict TypeScript needs no cast, and no leniency towards libraries', async (t) => {
  await runQuietly(process.execPath, ['node_modules/typescript/bin/tsc', '-p', '.'], folder)
  await runs(t, 'out/app.js')
})
