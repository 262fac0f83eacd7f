/**
 * `app.outgoing.install()`, in a process of its own: what it guards is a whole process.
 */
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { startNode } from '../../../../test/support/process.ts'

const PROGRAM = fileURLToPath(new URL('../fixtures/installed.js', import.meta.url))

/** Where undici 8 takes both places of the global dispatcher when it is loaded. */
const isReplaced = Number(process.versions.node.split('.')[0]) < 24

t.test(
  'the calls of fetch and of any undici are guarded, and those that pass by are told of',
  async (t) => {
    const program = startNode([PROGRAM], { coverage: true })
    t.teardown(() => program.stop())
    t.match(await program.exited, { code: 0 }, program.output())
    const replaced = {
      result: 'ours',
      counted: isReplaced ? 0 : 1,
      state: isReplaced ? 'replaced' : 'guarded'
    }
    const ours = { result: 'ours', counted: 1, state: 'guarded' }
    const unguarded = { result: 'ours', counted: 0, state: 'not-installed' }
    t.strictSame(program.lines(), [
      { name: 'nothing installed', ...unguarded },
      { name: 'fetch', ...ours },
      { name: 'axios with fetch', ...ours },
      { name: 'another origin', result: 'elsewhere', counted: 0, state: 'guarded' },
      { name: 'upstream.fetch', ...ours },
      { name: 'undici 6, request', ...ours },
      { name: 'undici 6, fetch', ...ours },
      { name: 'undici 7, request', ...ours },
      { name: 'undici 7, fetch', ...ours },
      {
        name: 'an open breaker',
        result: 'HOLDFAST_ERR_CIRCUIT_BREAKER_OPEN',
        counted: 0,
        state: 'guarded'
      },
      // undici up to 6 hides what it is composed around.
      { name: 'something composed around it', ...ours, state: replaced.state },
      { name: 'one of two disposed of', ...ours },
      { name: 'both disposed of', ...unguarded },
      { name: 'kept by somebody', ...unguarded },
      { name: 'installed again', ...ours },
      { name: 'undici 8 loaded', ...replaced },
      {
        warnings: isReplaced
          ? [
              'Something has replaced the guard that app.outgoing.install() puts around fetch: unless it hands calls on, they have neither breaker nor deadline. On Node 20 and 22 undici 8 does that when it is first loaded: import it before install() is called.'
            ]
          : []
      },
      { name: 'the app closed', result: 'ours', counted: 0 }
    ])
  }
)
