/**
 * `docs/states.md` is what the types of the states say. To accept a change, run
 *
 *     WRITE_PAGE=1 npx tap --disable-coverage test/states-page.test.ts
 */
import { writeFileSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { root } from './support/pack.js'
import { type Described, type Member, stateTypes } from './support/state-types.ts'

const HEAD = `# What the plugins know

Each plugin of the suite keeps totals and knows what is now. Read it where you need it, in a metric, a health
check or a page for operators:

\`\`\`js
import { statesOf } from '@holdfast/core'

app.get('/breakers', async () =>
  statesOf(app, '@holdfast/circuit-breaker').flatMap(({ prefix, state }) =>
    state.breakers.map(({ name, state, totals }) => ({ prefix, name, state, ...totals }))
  )
)
\`\`\`

- \`statesOf(app)\` reads all of them: an object with a list for each plugin that is registered. \`statesOf(app, name)\`
  reads the list of one.
- The list has one entry for each registration: \`prefix\` is that of its scope, empty at the root, and \`state\` is
  described below.
- A state is plain data, made when you ask: until then it costs no more than the counting. After the app has closed
  there is none.
- Totals only grow, from the registration on. To know a rate, read twice.
- A plugin of your own gives its state with \`provideState(app, name, read)\`; its type is merged into \`States\`.
  The [README of core](../packages/core/README.md) shows how.

This page is generated from the types.
`

function item({ name, type, comment, described }: Member): string {
  const link = described === undefined ? '' : ` See [${described}](#${described.toLowerCase()}).`
  return `- \`${name}\`, \`${type}\`: ${comment}${link}`
}

function section({ name, comment, members }: Described, level: string): string {
  return `${level} ${name}\n\n${comment}\n\n${members.map(item).join('\n')}\n`
}

/** The folders of the packages that provide a state. */
async function providers(): Promise<string[]> {
  const folders: string[] = []
  for (const folder of await readdir(join(root, 'packages'))) {
    const src = join(root, 'packages', folder, 'src')
    const files = await readdir(src, { recursive: true })
    const sources = files.filter((file) => file.endsWith('.ts')).map((file) => join(src, file))
    const texts = await Promise.all(sources.map((file) => readFile(file, 'utf8')))
    if (texts.some((text) => text.includes(`provideState(app, '@holdfast/${folder}'`))) {
      folders.push(folder)
    }
  }
  return folders.sort()
}

t.test('the page describes every state and each of its members', async (t) => {
  const folders = await providers()
  const types = stateTypes(folders)
  t.strictSame(
    types.map(({ plugin }) => plugin),
    folders.map((folder) => `@holdfast/${folder}`)
  )
  t.ok(folders.length >= 4)
  for (const { name, comment, members } of types.flatMap(({ types }) => types)) {
    t.match(comment, /\.$/, name)
    for (const member of members) t.match(member.comment, /\.$/, `${name}.${member.name}`)
  }
  const sections = types.map(({ plugin, types: [state, ...parts] }) => {
    const own = state && section({ ...state, name: plugin }, '##')
    return [own, ...parts.map((part) => section(part, '###'))].join('\n')
  })
  const page = [HEAD, ...sections].join('\n')
  const file = join(root, 'docs', 'states.md')
  if (process.env['WRITE_PAGE']) writeFileSync(file, page)
  t.equal(await readFile(file, 'utf8'), page)
})
