// @ts-check
/**
 * One stream for each process: it tells a snapshot a second, and comes back when it was lost.
 */
import { History } from './history.js'

/** How long nothing may come before a stream counts as lost, in milliseconds. */
const SILENCE = 5000
const RETRY = 2000

/**
 * Watches a process.
 *
 * @param {string} base where its page is, with a slash at its end
 * @param {(watched: import('./fleet.js').Watched) => void} changed
 */
export function watch(base, changed) {
  const url = new URL('events', base)
  /** @type {import('./fleet.js').Watched} */
  const watched = { name: url.host, status: 'connecting', reason: '', history: new History() }
  /** @type {EventSource | undefined} */
  let source
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer

  /** @param {typeof watched.status} status @param {string} [reason] */
  const become = (status, reason = '') => {
    watched.status = status
    watched.reason = reason
    changed(watched)
  }
  const open = () => {
    source = new EventSource(url)
    source.onmessage = ({ data }) => {
      watched.history.add(JSON.parse(data), performance.now())
      become('live')
      expect()
    }
    source.addEventListener('end', () => {
      become('ended', 'Waiting for it to come back.')
      reopen()
    })
    source.onerror = async () => {
      // A stream that has never stood, or was refused, is not opened again by the browser.
      if (source?.readyState !== EventSource.CLOSED) return lose('The connection was lost.')
      lose(await refusal(url))
      reopen()
    }
  }
  const reopen = () => {
    source?.close()
    clearTimeout(timer)
    timer = setTimeout(open, RETRY)
  }
  const expect = () => {
    clearTimeout(timer)
    timer = setTimeout(() => {
      lose('Nothing has come for 5 seconds.')
      reopen()
    }, SILENCE)
  }
  /** @param {string} reason */
  const lose = (reason) => {
    // What has said that it is leaving has left.
    const phase = watched.history.latest?.life?.phase
    const isGone = watched.status === 'ended' || phase === 'stopping' || phase === 'closed'
    if (isGone) become('ended', 'Waiting for it to come back.')
    else become('lost', reason)
  }
  open()
  expect()
  return {
    watched,
    close() {
      clearTimeout(timer)
      source?.close()
    }
  }
}

/**
 * Why a stream was refused. An EventSource does not say it.
 *
 * @param {URL} url
 */
async function refusal(url) {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(RETRY) })
    if (response.ok) {
      await response.body?.cancel()
      return 'The connection was lost.'
    }
    return (await response.text()).slice(0, 300).trim()
  } catch {
    return 'Nobody answers there, or this page may not ask there.'
  }
}

/**
 * The processes that the hash of the page names, as `#http://127.0.0.1:9464,http://127.0.0.1:9465`; its own one
 * when there is none.
 *
 * @param {URL} page
 */
export function basesOf(page) {
  const named = decodeURIComponent(page.hash.slice(1))
    .split(',')
    .map((text) => text.trim())
    .filter((text) => /^https?:\/\//.test(text) && URL.canParse(text))
    .map((text) => (text.endsWith('/') ? text : `${text}/`))
  return named.length === 0 ? [new URL('.', page).href.split('#')[0] ?? ''] : [...new Set(named)]
}
