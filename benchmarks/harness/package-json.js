import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/**
 * The path of an installed package's package.json; packages need not export it.
 *
 * @param {string} name
 * @returns {string}
 */
export function findPackageJSON(name) {
  for (let folder = new URL('.', import.meta.url); ; folder = new URL('..', folder)) {
    const file = fileURLToPath(new URL(`node_modules/${name}/package.json`, folder))
    if (existsSync(file)) return file
    if (folder.pathname === '/') throw new Error(`${name} is not installed`)
  }
}
