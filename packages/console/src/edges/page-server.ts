/**
 * Answers the requests of the page: its files, and the stream of what it shows.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { HostList } from '../host-list.ts'
import type { Viewers } from '../viewers.ts'
import type { Asset } from './assets.ts'
import { EventStream, STREAM_HEADERS } from './event-stream.ts'

/** The path of the stream, below the page. */
const STREAM = 'events'

const WRONG_HOST =
  'This page is not to be asked for under that name. List the name in the option "hosts" of @holdfast/console, without its port.\n'
const FOREIGN_PAGE =
  'A page of another origin may not read this process. List its origin in the option "origins" of @holdfast/console.\n'

/** What the page is served from. */
export interface PageParts {
  readonly assets: ReadonlyMap<string, Asset>
  readonly viewers: Viewers
  readonly hosts: HostList
  /** Whose processes the page may read, besides those of this machine. */
  readonly origins: readonly string[]
}

/** Serves the page and its stream to whoever may see them. */
export class PageServer {
  readonly #parts: PageParts
  readonly #headers: Readonly<Record<string, string>>

  constructor(parts: PageParts) {
    this.#parts = parts
    this.#headers = securityHeaders(parts.origins)
  }

  /** The paths below the page that there is an answer for. */
  get paths(): readonly string[] {
    return [...this.#parts.assets.keys(), STREAM]
  }

  /**
   * Answers a request for GET or HEAD.
   *
   * @param path below the page, without a slash in front
   */
  answer(request: IncomingMessage, response: ServerResponse, path: string): void {
    const { assets, hosts } = this.#parts
    if (!hosts.allows(hostOf(request))) {
      this.#say(response, 421, WRONG_HOST)
    } else if (path === STREAM) {
      this.#stream(request, response)
    } else {
      const asset = assets.get(path)
      if (asset === undefined) this.#say(response, 404, 'There is no such page.\n')
      else this.#send(request, response, asset)
    }
  }

  #send(request: IncomingMessage, response: ServerResponse, { type, body, etag }: Asset): void {
    const headers = { ...this.#headers, 'cache-control': 'no-cache', etag }
    if (request.headers['if-none-match'] === etag) {
      response.writeHead(304, headers).end()
      return
    }
    response.writeHead(200, { ...headers, 'content-type': type, 'content-length': body.length })
    response.end(body)
  }

  #stream(request: IncomingMessage, response: ServerResponse): void {
    const { viewers, hosts } = this.#parts
    const { origin, 'sec-fetch-site': site = 'none' } = request.headers
    const isAdmitted =
      origin === undefined
        ? site === 'none' || site === 'same-origin'
        : hosts.admits(origin, hostOf(request))
    if (!isAdmitted) {
      this.#say(response, 403, FOREIGN_PAGE)
      return
    }
    const shared = { vary: 'origin', ...(origin && { 'access-control-allow-origin': origin }) }
    const { refusal } = viewers
    if (refusal !== undefined) {
      this.#say(response, 503, `${refusal}\n`, { ...shared, 'retry-after': '5' })
      return
    }
    response.writeHead(200, { ...this.#headers, ...STREAM_HEADERS, ...shared })
    if (request.method === 'HEAD') {
      response.end()
      return
    }
    const stream = new EventStream(response)
    response.on('close', () => viewers.leave(stream))
    viewers.join(stream)
  }

  #say(
    response: ServerResponse,
    status: number,
    text: string,
    headers: Readonly<Record<string, string>> = {}
  ): void {
    response.writeHead(status, {
      ...this.#headers,
      'cache-control': 'no-store',
      'content-type': 'text/plain; charset=utf-8',
      'content-length': Buffer.byteLength(text),
      ...headers
    })
    response.end(text)
  }
}

/** As the client named it, in HTTP/2 by a field of its own: what a proxy says is not looked at. */
function hostOf({ headers }: IncomingMessage): string | undefined {
  const authority = headers[':authority']
  return typeof authority === 'string' ? authority : headers.host
}

function securityHeaders(origins: readonly string[]): Readonly<Record<string, string>> {
  const readable = ["'self'", 'http://127.0.0.1:*', 'http://localhost:*', ...origins].join(' ')
  return {
    'content-security-policy': `default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src ${readable}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-resource-policy': 'same-origin'
  }
}
