/**
 * reply-from behind an upstream, with every client that loads, and the guard around `fetch`, under
 * every version of Node.
 */
import { join } from 'node:path'
import t from 'tap'
import { linesOf, NODES } from '../support/other-node.ts'
import { root } from '../support/pack.js'

const fixtures = join(root, 'packages/outgoing/test/fixtures')

for (const node of NODES) {
  t.test(`reply-from on Node ${node}: one call, 503, 504, and a client that leaves`, async (t) => {
    const lines = await linesOf(node, join(fixtures, 'proxied.js'))
    const told = {
      oneCall: [503, 'busy', 1],
      late: 504,
      streamed: 'echo',
      aborted: 'seen',
      refused: [503, true, 0]
    }
    t.strictSame(
      lines.map((line) => JSON.parse(line)),
      [
        { client: 'node:http', ...told },
        { client: 'undici-6', ...told },
        { client: 'undici', ...told },
        node === 20 ? { client: 'undici-8', loads: false } : { client: 'undici-8', ...told }
      ]
    )
  })

  t.test(`fetch on Node ${node}: guarded, or said not to be`, async (t) => {
    const lines = await linesOf(node, join(fixtures, 'installed.js'))
    const [loaded, { warnings }] = lines.slice(-3, -1).map((line) => JSON.parse(line))
    const isReplaced = node < 24
    t.match(loaded, { counted: isReplaced ? 0 : 1, state: isReplaced ? 'replaced' : 'guarded' })
    t.equal(warnings.length, isReplaced ? 1 : 0)
  })
}
