/**
 * What holds for every source file and no linter shows. Which file may import which is in `biome.jsonc`.
 */
import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import t from 'tap'
import { root } from './support/pack.js'

/** The only file that touches what Fastify keeps private. */
const INTERNALS = 'packages/core/src/fastify-internals.ts'

/** These look for symbols that are not Fastify's. */
const OTHER_SYMBOLS = ['packages/request-logging/src/edges/pino-fast-path.ts']

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
  return /getOwnPropertySymbols|Reflect\.ownKeys|getOwnPropertyDescriptors/.test(text)
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

t.test('no source file has a name that says nothing', async (t) => {
  const names = sources.map((file) => basename(file, '.ts'))
  t.same(
    names.filter((name) => /^(utils?|helpers?|misc|types|common)$/.test(name)),
    []
  )
})
