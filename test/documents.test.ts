/**
 * What the documents say of the repository: the version of pnpm, the files they link to, the changesets.
 */
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import t from 'tap'
import { root, runQuietly } from './support/pack.js'

const tracked = (
  await runQuietly('git', ['ls-files', '-z', '-co', '--exclude-standard'], root)
).stdout
  .split('\0')
  .filter((file) => file !== '' && existsSync(join(root, file)))
// The head of the benchmarks' page stands elsewhere than the page.
const documents = tracked.filter((file) => /(?<!page-head)\.md$/.test(file))
const read = (file: string): Promise<string> => readFile(join(root, file), 'utf8')
const { packageManager } = JSON.parse(await read('package.json')) as { packageManager: string }

t.test('every command that a reader copies names the pnpm of package.json', async (t) => {
  for (const file of documents) {
    for (const [named] of (await read(file)).matchAll(/\bpnpm@[\w.]+/g)) {
      t.equal(named, packageManager, file)
    }
  }
  const scripts = tracked.filter((file) => /^(\.ci|\.github)\/|Dockerfile$/.test(file))
  for (const file of scripts) {
    t.notMatch(await read(file), /pnpm@\d/, `${file} must read the version from package.json`)
  }
})

t.test('every relative link of a document leads to a file', async (t) => {
  for (const file of documents) {
    for (const [, target = ''] of (await read(file)).matchAll(/\]\((?!\w+:|#)([^)#\s]+)/g)) {
      t.ok(existsSync(join(root, dirname(file), target)), `${file} links to ${target}`)
    }
  }
})

t.test('every changeset names packages of this repository and a kind of change', async (t) => {
  const names = await Promise.all(
    (await readdir(join(root, 'packages'))).map(async (folder) => {
      return (JSON.parse(await read(join('packages', folder, 'package.json'))) as { name: string })
        .name
    })
  )
  for (const file of tracked.filter((file) => /^\.changeset\/(?!README).*\.md$/.test(file))) {
    const [, head = ''] = /^---\n(.*?)\n---\n/s.exec(await read(file)) ?? []
    t.not(head, '', `${file} begins with ---, the packages and ---`)
    for (const line of head.split('\n')) {
      const [, name = '', kind = ''] = /^["'](.+)["']: (\w+)$/.exec(line) ?? []
      t.ok(names.includes(name) && /^(patch|minor|major)$/.test(kind), `${file}: ${line}`)
    }
  }
})
