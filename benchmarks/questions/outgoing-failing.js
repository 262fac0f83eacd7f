import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { wayToCall } from '../variants/names.js'

const script = fileURLToPath(new URL('../variants/failing-layers.js', import.meta.url))
const { fetch, retryAgent, axiosRetry, outgoing, outgoingWithoutBreaker } = wayToCall
/** @type {string[]} */
const OURS = [outgoingWithoutBreaker, outgoing]
const PER_SECOND = 50

/** The most requests for each one offered, by the number of layers that call. */
const AIMS = new Map([
  [1, 1.25],
  [3, 2]
])

/** @type {import('../harness/report.js').Question} */
export const outgoingFailing = {
  name: 'outgoing-failing',
  title: 'When everything fails',
  asks: `A service that answers every request with 503 is called by another one, or stands behind three that call each other; ${PER_SECOND} users a second ask the first. How many requests does each user cause? The peers come with their own number of retries and no breaker; RetryAgent waits for 1 ms instead of its half a minute, and both are asked for two seconds only.`,
  versions: ['undici', 'axios', 'axios-retry'],
  once: true,
  run(effort) {
    const smoke = effort.name === 'smoke'
    // Ours depends on what was sent in the last ten seconds, the others send the same for each call.
    const seconds = { smoke: 1, short: 20, full: 60 }[effort.name]
    const rows = [...AIMS].flatMap(([layers, aim]) =>
      (smoke ? OURS : [fetch, retryAgent, axiosRetry, ...OURS]).map((way) => {
        const { offered, hits } = count(way, layers, OURS.includes(way) ? seconds : 2)
        /** @type {import('../harness/cells.js').Cell[]} */
        const row = [way, layers, offered, hits, Math.round((100 * hits) / offered) / 100]
        return [...row, OURS.includes(way) ? { atMost: aim } : '-']
      })
    )
    return {
      tables: [
        {
          title: 'Requests that reach the service which fails',
          columns: ['way to call', 'layers', 'users', 'requests', 'requests a user', 'aim'],
          rows
        }
      ]
    }
  }
}

/** @param {string} way @param {number} layers @param {number} seconds */
function count(way, layers, seconds) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [script, way, String(layers), String(PER_SECOND), String(seconds)],
    { encoding: 'utf8' }
  )
  if (status !== 0) throw new Error(stderr)
  return /** @type {{ offered: number, hits: number }} */ (JSON.parse(stdout))
}
