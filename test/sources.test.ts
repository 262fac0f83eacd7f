/**
 * What holds for every source file and no linter shows. Which file may import which is in `biome.jsonc`.
 */
import { readdir, readFile } from 'node:fs/promises'
import { basename, join, relative } from 'node:path'
import t from 'tap'
import { root } from './support/pack.js'

const MAX_LINES = 320

/** The only file that touches what Fastify keeps private. */
const INTERNALS = 'packages/core/src/fastify-internals.ts'

/** These look for symbols that are not Fastify's. */
const OTHER_SYMBOLS = ['packages/request-logging/src/edges/pino-fast-path.ts']

/** The paths of all TypeScript files below a folder, from the root of the repository. */
async function filesBelow(folder: string, ending: string): Promise<string[]> {
  const entries = await readdir(join(root, folder), { recursive: true, encoding: 'utf8' })
  return entries.filter((entry) => entry.endsWith(ending)).map((entry) => join(folder, entry))
}

const packages = (await readdir(join(root, 'packages'))).map((name) => join('packages', name))
const sources = (
  await Promise.all(packages.map((folder) => filesBelow(join(folder, 'src'), '.ts')))
).flat()
const texts = new Map(
  await Promise.all(
    sources.map(async (file) => [file, await readFile(join(root, file), 'utf8')] as const)
  )
)

t.test('only one file touches what Fastify keeps private', async (t) => {
  const touches = (text: string): boolean =>
    /['"`]fastify\.[a-z]|Symbol\.for\(['"`]fastify|['"]fastify\/(?!types)/i.test(text)
  const looksForSymbols = (text: string): boolean =>
    /getOwnPropertySymbols|Reflect\.ownKeys|getOwnPropertyDescriptors/.test(text)
  t.ok(touches(texts.get(INTERNALS) ?? ''))
  t.ok(looksForSymbols(texts.get(INTERNALS) ?? ''))
  for (const [file, text] of texts) {
    if (file === INTERNALS) continue
    t.notOk(touches(text), `${file} names something private of Fastify's`)
    if (OTHER_SYMBOLS.includes(file)) continue
    t.notOk(looksForSymbols(text), `${file} looks for symbols of other objects`)
  }
})

t.test('no source file is longer than can be read in one sitting', async (t) => {
  for (const [file, text] of texts) {
    const lines = text.split('\n').length
    t.ok(lines <= MAX_LINES, `${file} has ${lines} lines, ${MAX_LINES} are allowed`)
  }
})

t.test('no file has a name that says nothing', async (t) => {
  for (const file of sources) {
    t.notMatch(basename(file, '.ts'), /^(utils?|helpers?|misc|types|common)$/, file)
  }
})

t.test(
  'every source file has a test of its name, or is named in the test that covers it',
  async (t) => {
    for (const folder of packages) {
      const tests = await filesBelow(join(folder, 'test'), '.test.ts')
      const stems = new Set(tests.map((file) => basename(file, '.test.ts')))
      const named = (
        await Promise.all(tests.map((file) => readFile(join(root, file), 'utf8')))
      ).join()
      for (const file of sources.filter((file) => file.startsWith(join(folder, 'src')))) {
        const path = relative(join(folder, 'src'), file)
        const isNamed = named.includes(`\`${path}\``) || named.includes(path.replace(/ts$/, "js'"))
        if (basename(file) === 'index.ts' || stems.has(basename(file, '.ts')) || isNamed) continue
        t.fail(`no test is called after ${file}, and none names \`${path}\` in its first comment`)
      }
    }
  }
)
