/**
 * A Prometheus of its own: it collects from one service each second, and has the rules of
 * `@holdfast/telemetry`.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { freePort } from './free-port.js'

/** What to do where there is no Prometheus. */
export const HOW_TO_GET_IT =
  'Prometheus is missing. On Debian and Ubuntu: apt-get install prometheus. Elsewhere: https://prometheus.io/download, and its folder into the PATH.'

const require = createRequire(import.meta.url)
const START_TIME = 20_000

/** @typedef {{ metric: Record<string, string>, values: [time: number, value: string][] }} Series */

/** Whether the PATH holds it. */
export function hasPrometheus() {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, 'prometheus'), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

/**
 * Starts it, and resolves when it has collected from the service: it takes its time to begin.
 *
 * @param {string} target host and port of the service, which answers `/metrics`
 */
export async function startPrometheus(target) {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-prometheus-'))
  const port = await freePort()
  const telemetry = require.resolve('@holdfast/telemetry/package.json')
  const rules = join(dirname(telemetry), 'rules.yml')
  const config = {
    global: { scrape_interval: '1s', evaluation_interval: '1s' },
    rule_files: [rules],
    scrape_configs: [{ job_name: 'gateway', static_configs: [{ targets: [target] }] }]
  }
  // YAML is a superset of JSON.
  await writeFile(join(folder, 'prometheus.yml'), JSON.stringify(config))
  const url = `http://127.0.0.1:${port}`
  const child = spawn(
    'prometheus',
    [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--enable-feature=exemplar-storage',
      '--log.level=error'
    ],
    { stdio: ['ignore', 'inherit', 'inherit'] }
  )
  const ended = once(child, 'close')
  const stop = async () => {
    child.kill()
    await ended.catch(() => {})
    await rm(folder, { recursive: true, force: true })
  }

  /**
   * Asks its API.
   *
   * @param {string} path
   * @param {Record<string, string>} parameters
   * @returns {Promise<any>}
   */
  async function ask(path, parameters = {}) {
    const response = await fetch(`${url}/api/v1/${path}?${new URLSearchParams(parameters)}`)
    const { status, data, error } = /** @type {any} */ (await response.json())
    if (status !== 'success') throw new Error(`Prometheus refuses ${path}: ${error}`)
    return data
  }

  /** Whether it has collected from the service. */
  async function hasCollected() {
    const { result } = await ask('query', { query: 'up == 1' })
    return result.length > 0
  }

  try {
    const failed = ended.then(() => Promise.reject(new Error('it ended')))
    await Promise.race([until(hasCollected), failed])
  } catch (error) {
    await stop()
    throw new Error('Prometheus did not start.', { cause: error })
  }
  return { url, ask, stop }
}

/** @param {() => Promise<boolean>} isSo */
async function until(isSo) {
  for (const end = Date.now() + START_TIME; Date.now() < end; await wait(100)) {
    // Until it listens, it cannot be asked.
    if (await isSo().catch(() => false)) return
  }
  throw new Error(`it has collected nothing within ${START_TIME / 1000} s`)
}
