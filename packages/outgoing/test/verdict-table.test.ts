/**
 * What becomes of a call says the same about the upstream in every world of this Node. Covers
 * `verdict.ts`, `edges/try.ts`, `edges/dispatch-handlers.ts`, `edges/interceptor.ts` and
 * `edges/global-dispatcher.ts`; `test/system` has the other versions of Node.
 */
import t from 'tap'
import { outcomeOfAbort } from '../dist/verdict.js'
import { cases, mistakesIn, worlds } from './support/verdict-table.js'

const all = worlds()
t.comment(`${cases.length} cases in ${all.length} worlds of Node ${process.version}`)

for (const world of all) {
  const { name, mode, impossible } = world
  t.test(`${name}, ${mode}${impossible === undefined ? '' : ', does not work'}`, async (t) => {
    const mistakes = await mistakesIn(world)
    if (impossible === undefined) t.strictSame(mistakes, [])
    else t.equal(mistakes[0], `${cases[0]?.name}: ${impossible}`)
  })
}

t.test('a caller may abort with anything', async (t) => {
  for (const reason of ['changed my mind', undefined, null, 7]) {
    t.equal(outcomeOfAbort(reason, false), 'excluded')
  }
})
