/**
 * The files of the page: read once, when the app boots.
 */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { PageMissingError } from '../errors.ts'

/** A file of the page. */
export interface Asset {
  readonly type: string
  readonly body: Buffer
  readonly etag: string
}

const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml'
}

type FileOfPage = readonly [path: string, packageName: string, file: string]

/** What the page is made of, by its names within the page; the empty one is the page itself. */
const FILES: readonly FileOfPage[] = [
  ['', '@holdfast/console', 'page/index.html'],
  ...[
    'console.css',
    'icon.svg',
    'main.js',
    'breakers.js',
    'chart-lines.js',
    'charts.js',
    'dom.js',
    'fleet.js',
    'history.js',
    'life.js',
    'limits.js',
    'problems.js',
    'process.js',
    'shedding.js',
    'streams.js',
    'text.js',
    'tiles.js',
    'upstreams.js'
  ].map((name) => [name, '@holdfast/console', `page/${name}`] as const),
  ['uPlot.iife.min.js', 'uplot', 'dist/uPlot.iife.min.js'],
  ['uPlot.min.css', 'uplot', 'dist/uPlot.min.css']
]

/**
 * Reads the files of the page, by their paths below it.
 *
 * @throws PageMissingError (as a rejection)
 */
export async function readAssets(
  files: readonly FileOfPage[] = FILES
): Promise<ReadonlyMap<string, Asset>> {
  return new Map(
    await Promise.all(
      files.map(async ([path, packageName, file]) => [path, await read(packageName, file)] as const)
    )
  )
}

/** @throws PageMissingError (as a rejection) */
async function read(packageName: string, file: string): Promise<Asset> {
  let body: Buffer
  try {
    // By its name, not beside this file: a bundle stands elsewhere.
    const home = createRequire(import.meta.url).resolve(`${packageName}/package.json`)
    body = await readFile(join(dirname(home), file))
  } catch {
    throw new PageMissingError(`${packageName}/${file}`)
  }
  const type = TYPES[file.slice(file.lastIndexOf('.') + 1)] as string
  const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`
  return { type, body, etag }
}
