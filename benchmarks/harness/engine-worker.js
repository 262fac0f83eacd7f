/**
 * Times one engine in a fresh process: plain loops, the best of nothing, medians of samples.
 *
 * Usage: node engine-worker.js <module of engines> <engine> <JSON parameters>
 */
import { pathToFileURL } from 'node:url'

const [, , modulePath = '', name = '', parameters = '{}'] = process.argv

/** @type {{ engines: Record<string, import('./engines.js').Engine> }} */
const { engines } = await import(pathToFileURL(modulePath).href)
const engine = engines[name]
if (engine === undefined) throw new Error(`no engine ${name} in ${modulePath}`)
const figures = await engine(JSON.parse(parameters))
process.stdout.write(`${JSON.stringify(figures)}\n`, () => process.exit(0))
