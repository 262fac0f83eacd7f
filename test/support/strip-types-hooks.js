/**
 * Module hooks that take the types out of TypeScript.
 */
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { transformSync } from 'oxc-transform'

const SOURCE_MAP = '//# sourceMappingURL=data:application/json;base64,'

/** @type {import('node:module').LoadHook} */
export async function load(url, context, nextLoad) {
  if (!url.startsWith('file:') || !url.endsWith('.ts')) return nextLoad(url, context)
  const path = fileURLToPath(url)
  const text = await readFile(path, 'utf8')
  const { code, map, errors } = transformSync(path, text, { sourcemap: true, target: 'es2022' })
  const [error] = errors
  if (error !== undefined) throw new SyntaxError(`${path}: ${error.message}`)
  const encoded = Buffer.from(JSON.stringify(map)).toString('base64')
  return { format: 'module', source: `${code}\n${SOURCE_MAP}${encoded}`, shortCircuit: true }
}
