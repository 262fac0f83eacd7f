/**
 * What the documents say of the repository: the version of pnpm, the files they link to, the changesets.
 */
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import * as core from '@holdfast/core'
import * as options from '@holdfast/core/options'
import t from 'tap'
import { root, runQuietly } from './support/pack.js'

const listed = await runQuietly('git', ['ls-files', '-z', '-co', '--exclude-standard'], root)
const files = listed.stdout
  .split('\0')
  .filter((file) => file !== '' && existsSync(join(root, file)))
// The head of the benchmarks' page stands elsewhere than the page, and links from there.
const documents = files.filter((file) => file.endsWith('.md') && !file.endsWith('page-head.md'))
const read = (file: string): Promise<string> => readFile(join(root, file), 'utf8')

t.test('every command that a reader copies names the pnpm of package.json', async (t) => {
  const { packageManager } = JSON.parse(await read('package.json')) as { packageManager: string }
  for (const file of documents) {
    const named = (await read(file)).matchAll(/\bpnpm@[\w.]+/g)
    for (const [name] of named) t.equal(name, packageManager, file)
  }
  for (const file of files.filter((file) => /^\.(ci|github)\/|Dockerfile$/.test(file))) {
    t.notMatch(await read(file), /pnpm@\d/, `${file} reads the version from package.json`)
  }
})

t.test('every relative link of a document leads to a file', async (t) => {
  for (const file of documents) {
    const targets = (await read(file)).matchAll(/\]\((?!\w+:|#)([^)#\s]+)/g)
    for (const [, target = ''] of targets) {
      t.ok(existsSync(join(root, dirname(file), target)), `${file} links to ${target}`)
    }
  }
})

t.test('every source file that the architecture names exists', async (t) => {
  const page = await read('docs/architecture.md')
  const names = [...page.matchAll(/`([\w/-]+\.ts)`/g)].map(([, name = '']) => name)
  t.ok(names.length > 50)
  for (const name of names) {
    t.ok(
      files.some((file) => `/${file}`.endsWith(`/${name}`)),
      name
    )
  }
})

t.test("core's README names all that core exports, and nothing else", async (t) => {
  const page = await read('packages/core/README.md')
  const exported = Object.keys({ ...core, ...options })
  t.ok(exported.length > 80)
  for (const name of exported) t.match(page, new RegExp(`\\b${name}\\b`), name)
  const rows = page.matchAll(/^\| (`.*?`) +\|/gm)
  const named = [...rows].flatMap(([, cell = '']) => [...cell.matchAll(/`(?:new )?(\w+)\(/g)])
  t.ok(named.length > 40)
  for (const [, name = ''] of named) t.ok(exported.includes(name), name)
})

t.test('every changeset names packages of this repository and a kind of change', async (t) => {
  const names = new Set<unknown>()
  for (const folder of await readdir(join(root, 'packages'))) {
    names.add(JSON.parse(await read(join('packages', folder, 'package.json'))).name)
  }
  for (const file of files.filter((file) => /^\.changeset\/(?!README).*\.md$/.test(file))) {
    const [, head = ''] = /^---\n(.*?)\n---\n/s.exec(await read(file)) ?? []
    for (const line of head.split('\n')) {
      const [, name, kind = ''] = /^["'](.+)["']: (\w+)$/.exec(line) ?? []
      t.ok(names.has(name) && /^(patch|minor|major)$/.test(kind), `${file}: ${line}`)
    }
  }
})
