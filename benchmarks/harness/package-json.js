import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * The path of an installed package's package.json; packages need not export it.
 *
 * @param {string} name
 * @returns {string}
 */
export function findPackageJSON(name) {
  let folder = dirname(fileURLToPath(import.meta.url))
  for (;;) {
    const file = join(folder, 'node_modules', name, 'package.json')
    if (existsSync(file)) return file
    if (folder === dirname(folder)) throw new Error(`${name} is not installed`)
    folder = dirname(folder)
  }
}
