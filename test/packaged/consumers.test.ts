/**
 * The packages as a user gets them: packed, installed from their tarballs into an empty folder, and used
 * from an ES module, from CommonJS, from strict TypeScript and in bundles.
 */
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { packAll, root, runQuietly } from '../support/pack.js'

t.setTimeout(600_000)

const folder = await mkdtemp(join(tmpdir(), 'holdfast-consumers-'))
t.teardown(() => rm(folder, { recursive: true, force: true }))

async function packageJson(place: string): Promise<Record<string, unknown>> {
  return JSON.parse(await readFile(join(place, 'package.json'), 'utf8'))
}

t.before(async () => {
  await cp(join(root, 'test', 'consumers'), folder, { recursive: true })
  const tarballs = join(folder, 'tarballs')
  await mkdir(tarballs)
  const consumer = await packageJson(folder)
  const dependencies = { ...(consumer['dependencies'] as Record<string, unknown>) }
  for (const { name, filename } of await packAll(tarballs)) dependencies[name] = `file:${filename}`
  // The versions that are installed here.
  for (const name of ['fastify', 'typescript', '@types/node']) {
    dependencies[name] = (await packageJson(join(root, 'node_modules', name)))['version']
  }
  await writeFile(join(folder, 'package.json'), JSON.stringify({ ...consumer, dependencies }))
  // The prefix is named because pnpm and npx tell programs below them that it is this repository.
  const quiet = ['--prefer-offline', '--no-audit', '--no-fund', '--no-package-lock']
  await runQuietly('npm', ['install', '--prefix', folder, ...quiet], folder)
})

/** Runs a consumer, which says ok, and nothing else: neither it nor Node has a warning to give. */
async function runs(t: Test, file: string): Promise<void> {
  t.same(await runQuietly(process.execPath, [file], folder), { stdout: 'ok\n', stderr: '' }, file)
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

t.test('TypeScript 5.4 to 7 reads the types, however modules are found', async (t) => {
  for (const version of ['typescript-5.4', 'typescript-5.9', 'typescript-6', 'typescript']) {
    const compiles = async (...args: string[]): Promise<void> => {
      const tsc = join('node_modules', version, version === 'typescript' ? 'bin/tsc' : 'lib/tsc.js')
      await runQuietly(process.execPath, [tsc, '--noEmit', ...args], folder)
      t.pass(`${version} ${args.join(' ')}`)
    }
    await compiles('-p', '.')
    await compiles('-p', '.', '--module', 'esnext', '--moduleResolution', 'bundler')
    await compiles('-p', 'tsconfig.checked.json')
    // Until 5.8 TypeScript did not know that require() loads ES modules.
    if (version !== 'typescript-5.4') await compiles('-p', 'tsconfig.commonjs.json')
  }
})

t.test('bundles of esbuild and rollup do the same, minified too', async (t) => {
  await runs(t, 'bundled.js')
  const { stdout } = await runQuietly(process.execPath, ['build.js'], folder)
  const bundles = stdout.trim().split('\n')
  t.equal(bundles.length, 8)
  for (const bundle of bundles) await runs(t, join('bundles', bundle))
})
