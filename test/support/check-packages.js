/**
 * The packaging check: publint and are-the-types-wrong on every package, as it would be published.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { packAll, root, runQuietly } from './pack.js'

const bin = join(root, 'node_modules', '.bin')

/** What is asked of every tarball. @type {Record<string, string[]>} */
const checks = {
  publint: ['run', '--strict'],
  // ESM only: the supported versions of Node can require() it, which this profile takes for granted.
  attw: ['--profile', 'esm-only', '--no-definitely-typed', '--format', 'ascii', '--no-color']
}

const folder = await mkdtemp(join(tmpdir(), 'holdfast-packages-'))
try {
  for (const { name, filename } of await packAll(folder)) {
    for (const [tool, args] of Object.entries(checks)) {
      try {
        await runQuietly(join(bin, tool), [...args, filename], root)
        console.log(`ok   ${name}: ${tool}`)
      } catch (error) {
        console.log(`FAIL ${name}: ${tool}\n${/** @type {Error} */ (error).message}`)
        process.exitCode = 1
      }
    }
  }
} finally {
  await rm(folder, { recursive: true })
}
