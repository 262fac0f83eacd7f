/**
 * What holds for every source file and no linter shows. Which file may import which is in `biome.jsonc`.
 */
import { readdir, readFile } from 'node:fs/promises'
import { basename, join, relative } from 'node:path'
import t from 'tap'
import { root } from './support/pack.js'

const MAX_LINES = 330

/** The only file that touches what Fastify keeps private. */
const INTERNALS = 'packages/core/src/fastify-internals.ts'

/** These look for symbols that are not Fastify's. */
const OTHER_SYMBOLS = ['packages/request-logging/src/edges/pino-symbols.ts']

/** The paths of all files below a folder that end so, from the root of the repository. */
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

/** Whether it names a private symbol of Fastify, or imports what Fastify does not export. */
function touchesInternals(text: string): boolean {
  return /['"`]fastify\.[a-z]|Symbol\.for\(['"`]fastify|['"]fastify\/(?!types)/i.test(text)
}

/** Whether it looks through objects for symbols that it was not given. */
function looksForSymbols(text: string): boolean {
  return /getOwnPropertySymbols|getOwnPropertyDescriptors/.test(text)
}

t.test('only one file touches what Fastify keeps private', async (t) => {
  const internals = texts.get(INTERNALS) ?? ''
  t.ok(touchesInternals(internals) && looksForSymbols(internals))
  const others = [...texts].filter(([file]) => file !== INTERNALS)
  const breaches = others.filter(
    ([file, text]) =>
      touchesInternals(text) || (looksForSymbols(text) && !OTHER_SYMBOLS.includes(file))
  )
  t.same(
    breaches.map(([file]) => file),
    []
  )
})

t.test('no source file is longer than can be read in one sitting', async (t) => {
  const long = [...texts].filter(([, text]) => text.split('\n').length - 1 > MAX_LINES)
  t.same(
    long.map(([file]) => file),
    []
  )
})

t.test('no source file has a name that says nothing', async (t) => {
  const names = sources.map((file) => basename(file, '.ts'))
  t.same(
    names.filter((name) => /^(utils?|helpers?|misc|types|common)$/.test(name)),
    []
  )
})

t.test(
  'every source file has a test of its name, or is named in the test that covers it',
  async (t) => {
    const alone: string[] = []
    const shared = await filesBelow('test', '.test.ts')
    for (const folder of packages) {
      const tests = [...shared, ...(await filesBelow(join(folder, 'test'), '.test.ts'))]
      const stems = new Set(['index', ...tests.map((file) => basename(file, '.test.ts'))])
      const named = (await Promise.all(tests.map(namedIn))).join()
      for (const file of sources) {
        const path = relative(join(folder, 'src'), file)
        const stem = basename(file, '.ts')
        if (path.startsWith('..') || stems.has(stem)) continue
        if (!new RegExp(`\\b${stem}\\.[jt]s\\b`).test(named)) alone.push(file)
      }
    }
    t.same(alone, [])
  }
)

/** The comment at the top of a test, and its imports: a test may name there what else it covers. */
async function namedIn(file: string): Promise<string> {
  const text = await readFile(join(root, file), 'utf8')
  const [comment = ''] = /^\/\*\*.*?\*\//s.exec(text) ?? []
  return `${comment} ${[...text.matchAll(/'[./]+\/dist\/.*'/g)].join()}`
}
