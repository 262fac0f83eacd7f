/**
 * What becomes of an outgoing call says the same about the upstream under every version of Node.
 */
import { join } from 'node:path'
import t from 'tap'
import { linesOf, NODES } from '../support/other-node.ts'
import { root } from '../support/pack.js'

const script = join(root, 'packages/outgoing/test/support/verdict-table.js')

interface Verdicts {
  readonly name: string
  readonly mode: string
  readonly impossible?: string
  readonly mistakes: readonly string[]
}

let pairs = 0
let impossiblePairs = 0

for (const node of NODES) {
  t.test(`the table of verdicts holds on Node ${node}`, async (t) => {
    for (const line of await linesOf(node, script)) {
      const { name, mode, impossible, mistakes }: Verdicts = JSON.parse(line)
      if (impossible === undefined) {
        pairs++
        t.strictSame(mistakes, [], `${name}, ${mode}`)
      } else {
        impossiblePairs++
        t.match(mistakes[0], impossible, `${name}, ${mode}: does not work`)
      }
    }
  })
}

t.test('every pair was tried', async (t) => {
  t.comment(`${pairs} pairs work, ${impossiblePairs} do not and say so`)
  t.strictSame([pairs, impossiblePairs], [46, 6])
})
