/**
 * The phases of CI: one list, which `.ci/run` and the workflow read.
 */
import { spawnSync } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { root } from './support/pack.js'

function phase(...args: string[]) {
  return spawnSync('bash', [join(root, '.ci', 'phase'), ...args], { encoding: 'utf8' })
}

const phases = phase().stdout.trim().split('\n')

t.test('the script lists its phases, from whatever folder it is called', async (t) => {
  t.ok(phases.includes('tests') && phases.length > 5)
  const script = await readFile(join(root, '.ci', 'phase'), 'utf8')
  const branches = [...script.matchAll(/^ {2}([a-z-]+)\)/gm)].map(([, name]) => name)
  t.same(phases, branches)
})

t.test('a phase that does not exist is answered with those that do', async (t) => {
  const { status, stderr } = phase('linnt')
  t.equal(status, 1)
  t.equal(stderr, `There is no phase "linnt". There are: ${phases.join(' ')}.\n`)
})

t.test('the workflow has no commands of its own for what a phase does', async (t) => {
  const workflow = await readFile(join(root, '.github', 'workflows', 'ci.yml'), 'utf8')
  const { jobs } = parse(workflow) as {
    jobs: Record<string, { steps: { run?: string }[] }>
  }
  const commands = Object.values(jobs).flatMap(({ steps }) => steps.flatMap(({ run = [] }) => run))
  t.ok(commands.length > 0)
  for (const command of commands) t.match(command, /^(\.ci\/phase\b|sudo apt-get )/)
})

t.test('each test that needs programs or time is one of those that the phase runs', async (t) => {
  const runner = await readFile(join(root, 'test', 'support', 'run-system.js'), 'utf8')
  const listed = [...runner.matchAll(/\{ test: '([a-z-]+)'/g)].map(([, name]) => `${name}.test.ts`)
  const files = await readdir(join(root, 'test', 'system'))
  t.same(listed.sort(), files.filter((file) => file.endsWith('.test.ts')).sort())
})
