/**
 * The packages as a user gets them: packed, installed from their tarballs into an empty folder, and used
 * from an ES module, from CommonJS, from strict TypeScript, in bundles, in NestJS and with fastify-cli.
 */
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { freePort } from '../support/http.ts'
import { packAll, root, runQuietly } from '../support/pack.js'
import { startNode } from '../support/process.ts'

t.setTimeout(600_000)

const folder = await mkdtemp(join(tmpdir(), 'holdfast-consumers-'))
t.teardown(() => rm(folder, { recursive: true, force: true }))

/** What the consumers use in the version that the workspace has. */
const AS_INSTALLED_HERE = [
  ...['fastify', 'typescript', '@types/node', '@fastify/autoload', 'fastify-cli'],
  ...['@nestjs/common', '@nestjs/core', '@nestjs/platform-fastify', 'reflect-metadata', 'rxjs']
]

async function packageJson(place: string): Promise<Record<string, unknown>> {
  return JSON.parse(await readFile(join(place, 'package.json'), 'utf8'))
}

t.before(async () => {
  await cp(join(root, 'test', 'consumers'), folder, { recursive: true })
  await cp(join(root, 'test', 'fixtures', 'fastify-cli'), join(folder, 'fastify-cli'), {
    recursive: true
  })
  const tarballs = join(folder, 'tarballs')
  await mkdir(tarballs)
  const consumer = await packageJson(folder)
  const dependencies = { ...(consumer['dependencies'] as Record<string, unknown>) }
  for (const { name, filename } of await packAll(tarballs)) dependencies[name] = `file:${filename}`
  for (const name of AS_INSTALLED_HERE) {
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

t.test('TypeScript 5.4 to 7 needs no cast, and no leniency towards libraries', async (t) => {
  for (const version of ['typescript-5.4', 'typescript-5.9', 'typescript-6', 'typescript']) {
    const compiles = async (...args: string[]): Promise<void> => {
      const tsc = join('node_modules', version, version === 'typescript' ? 'bin/tsc' : 'lib/tsc.js')
      await runQuietly(process.execPath, [tsc, ...args], folder)
      t.pass(`${version} ${args.join(' ')}`)
    }
    // Until 5.8 TypeScript did not know that require() loads ES modules.
    const project = version === 'typescript-5.4' ? 'tsconfig.json' : 'tsconfig.commonjs.json'
    await Promise.all([
      compiles('-p', project),
      compiles('-p', '.', '--noEmit', '--module', 'esnext', '--moduleResolution', 'bundler')
    ])
  }
  await runs(t, 'out/app.js')
})

t.test('bundles of esbuild and rollup do the same, minified too', async (t) => {
  await runs(t, 'bundled.js')
  const { stdout } = await runQuietly(process.execPath, ['build.js'], folder)
  const bundles = stdout.trim().split('\n')
  t.equal(bundles.length, 8)
  for (const bundle of bundles) await runs(t, join('bundles', bundle))
})

t.test('NestJS has the statuses of the suite', async (t) => {
  await runs(t, 'nest.js')
})

t.test('fastify-cli with autoload has them too, and ends at a signal', async (t) => {
  const port = String(await freePort())
  const command = ['node_modules/fastify-cli/cli.js', 'start', '--options', '--log-level', 'info']
  const args = ['--close-grace-delay', '30000', '--address', '127.0.0.1', 'fastify-cli/app.js']
  const service = startNode([...command, ...args], { cwd: folder, env: { FASTIFY_PORT: port } })
  t.teardown(() => service.stop())
  await service.printed(/listening at/)
  const statuses: number[] = []
  for (const path of ['/', '/', '/', '/down', '/down', '/livez']) {
    statuses.push((await fetch(`http://127.0.0.1:${port}${path}`)).status)
  }
  service.signal('SIGTERM')
  t.same(statuses, [200, 200, 429, 500, 503, 200])
  t.match(await service.exited, { code: 0 })
  const warnings = service
    .lines()
    .filter(({ level, outcome }) => Number(level) >= 40 && outcome === undefined)
  t.same(
    warnings.map(({ msg }) => msg),
    ['circuit breaker "GET /down" opened']
  )
})
