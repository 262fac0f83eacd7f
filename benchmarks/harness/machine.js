/**
 * Where the figures come from.
 */
import { readFileSync } from 'node:fs'
import os from 'node:os'
import { findPackageJSON } from './package-json.js'

/** @param {readonly string[]} packages whose versions matter */
export function machine(packages) {
  return {
    cpu: (os.cpus()[0]?.model ?? 'unknown processor').replace(/\s+/g, ' ').trim(),
    cores: os.availableParallelism(),
    memory: `${Math.round(os.totalmem() / 2 ** 30)} GiB`,
    node: process.versions.node,
    versions: Object.fromEntries(packages.map((name) => [name, versionOf(name)]))
  }
}

/** @param {string} name */
function versionOf(name) {
  return String(JSON.parse(readFileSync(findPackageJSON(name), 'utf8')).version)
}
